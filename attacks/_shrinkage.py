"""How far a reconstruction can be trusted."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..benchmark.metrics import psnr
from ._units import LEAST_ERROR

CLEAR_ERRORS = 2.5
"""Standard errors by which a reconstruction must be nearer to its own image than to others, to be trusted at all."""
SEARCH_FACTORS = (0.75, 0.5, 0.25)
"""Factors below 1 that are tried for searches, besides that of least squared error."""
MIN_TESTED = 12
"""Images from which this is tested; with fewer, a true reconstruction could fail."""


class Judged(NamedTuple):
    """Reconstructions of the attacker's own images, to which the attack was not fitted.

    Attributes:
        rebuilt: The reconstructions, (K, C, H, W).
        truth: The images, (K, C, H, W).
        mean: The mean of the images that the attack was fitted to, (C, H, W).
    """

    rebuilt: Tensor
    truth: Tensor
    mean: Tensor


def shrinkage_factor(*judged: Judged) -> float:
    """Compute the factor for the deviations from the mean image: 1 if they beat the mean image, else less.

    It is 0 for a wire without information, so that the attack returns the mean image and not memorized noise: the
    deviations must agree with those of their own images better than with those of other images, by a one-sided test of
    the inner products or of the logarithms of the errors. The former see a weak agreement, and the latter an accurate
    one among few images or beside outliers, which can be all that counts in the inner products.

    Args:
        judged: The reconstructions that each fold judges on.

    Example:
        >>> import torch
        >>> truth = torch.rand(4, 1, 8, 8)
        >>> shrinkage_factor(Judged(truth, truth, truth.mean(0)))
        1.0
    """
    away = torch.cat([each.rebuilt - each.mean for each in judged])
    energy = away.square().sum().item()
    if not energy:
        return 1.0
    if not _informed(judged):
        return 0.0
    apart = torch.cat([each.truth - each.mean for each in judged])
    best = (apart * away).sum().item() / energy  # least squares
    return 1.0 if best >= 0.5 else max(0.0, best)  # at 0.5 the error is that of the mean image


def shrinkage_factor_of_search(*judged: Judged) -> float:
    """Compute the factor as ``shrinkage_factor`` does, or take another one that gives a higher mean PSNR.

    A search may fail on a few images entirely, and these decide the squared error of all: at stage2 of
    ``resnet:depth=3``, two failures among eight images on which it was judged left 15 dB of 19.

    Args:
        judged: The reconstructions that each fold judges on.

    Example:
        >>> import torch
        >>> truth = torch.rand(4, 1, 8, 8)
        >>> shrinkage_factor_of_search(Judged(truth, truth, truth.mean(0)))
        1.0
    """
    factor = shrinkage_factor(*judged)
    if factor == 1 or not _informed(judged):
        return factor

    def decibels(factor: float) -> float:
        found = [psnr(shrink_to_mean(each.rebuilt, each.mean, factor), each.truth) for each in judged]
        return torch.cat(found).mean().item()

    return max((1.0, *SEARCH_FACTORS, factor), key=decibels)


def _informed(judged: tuple[Judged, ...]) -> bool:
    """Return whether reconstructions are nearer to their own images than chance explains, or too few to say so."""
    parts = [part for part in judged if len(part.truth) > 1]
    if sum(len(part.truth) for part in parts) < MIN_TESTED:
        return True
    return any(_clear([measure(part) for part in parts]) for measure in (_inner_products, _log_errors))


def _inner_products(judged: Judged) -> Tensor:
    """Return the inner products of the deviations of the images with those of the reconstructions, (K, K)."""
    rebuilt, truth, mean = judged
    return (truth - mean).flatten(1).double() @ (rebuilt - mean).flatten(1).double().T


def _log_errors(judged: Judged) -> Tensor:
    """Return minus the logarithms of the squared errors of all reconstructions, each for all images, (K, K)."""
    rebuilt, truth, _ = judged
    distance = torch.cdist(truth.flatten(1).double(), rebuilt.flatten(1).double())
    return -(distance.square() / truth[0].numel() + LEAST_ERROR).log()


def _clear(agreements: list[Tensor]) -> bool:
    """Return whether images agree with their own reconstructions, the diagonals of (K, K), clearly better than others.

    Without information, an image and the reconstruction of another one from the same fold agree as well, on average.
    """
    gain = variance = 0.0
    for agreement in agreements:
        count = len(agreement)
        others = agreement[~torch.eye(count, dtype=torch.bool, device=agreement.device)]
        gain += count * (agreement.diagonal().mean() - others.mean()).item()
        variance += count * others.var().item()
    return gain > CLEAR_ERRORS * math.sqrt(variance)


def shrink_to_mean(images: Tensor, mean: Tensor, factor: float) -> Tensor:
    """Move images (N, C, H, W) towards the mean image (C, H, W).

    Example:
        >>> import torch
        >>> shrink_to_mean(torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1), 0.25).item()
        0.25
    """
    return mean + factor * (images - mean)
