"""A probe that reads labels of images from what was sent for them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ..utils.balance import balancing_units

PENALTIES = (1e-2, 0.3, 10.0)
"""Ridge penalties that are tried, in the mean of the kernel's diagonal."""
WIDTHS = (None, 1.0, 0.25)
"""Kernels that are tried: linear, and Gaussian ones, by twice the squared width in the median squared distance."""
MAX_SCALED = 500
"""Known images between which distances are measured, at most."""
TUNED_SHARE = 4
"""One of so many known images is held out to choose the kernel, the penalty and the label."""


class ProbeAnswers(NamedTuple):
    """What a probe reads.

    Attributes:
        tuned: The labels that it reads of the last known images, (T, labels), when it is fitted to the others.
        answers: The labels that it reads of the unknown images, (M, labels), when it is fitted to all known ones.

    Example:
        >>> ProbeAnswers(torch.tensor([[1]]), torch.tensor([[0], [1]])).answers.shape
        torch.Size([2, 1])
    """

    tuned: Tensor
    answers: Tensor


def read_labels(known: Tensor, labels: Tensor, unknown: Tensor) -> ProbeAnswers:
    """Learn labels from known images, and read those of unknown images.

    The probe is ridge regression on indicators of the values of each label, with a linear or a Gaussian kernel: of
    several, the one that reads the most labels of held-out known images.

    Args:
        known: What was sent for the known images, (K, D) with K of at least 2.
        labels: Their labels, (K, labels) int64, each counted from 0.
        unknown: What was sent for the unknown images, (M, D).

    Source: kernel ridge regression: Saunders, Gammerman, Vovk, ICML 1998; as a probe: Alain and Bengio, 2016,
    "Understanding intermediate layers using linear classifier probes".

    Example:
        >>> known, labels = torch.tensor([[0.0], [1.0]]).repeat(8, 1), torch.tensor([[0], [1]]).repeat(8, 1)
        >>> read_labels(known, labels, torch.tensor([[0.1], [0.8]])).answers.flatten()
        tensor([0, 1])
    """
    known, unknown = _standardized(known, unknown)
    targets = [functional.one_hot(column).float() for column in labels.T]
    means, sizes = torch.cat([each.mean(0) for each in targets]), [each.shape[1] for each in targets]
    centered = torch.cat(targets, 1) - means
    kept = len(known) - max(1, len(known) // TUNED_SHARE)

    def decide(rows: Tensor) -> Tensor:
        return torch.stack([part.argmax(1) for part in (rows + means).split(sizes, 1)], 1)

    products = torch.cat([known, unknown]) @ known.T  # (K + M, K)
    found = None
    for width in WIDTHS:
        kernel = _kernel(products, known, unknown, width)
        for penalty in PENALTIES:
            read = decide(kernel[kept : len(known), :kept] @ _solved(kernel[:kept, :kept], centered[:kept], penalty))
            right = (read == labels[kept:]).double().mean().item()
            if found is None or right > found[0]:
                found = right, kernel, penalty, read
    assert found is not None
    _, kernel, penalty, tuned = found
    return ProbeAnswers(tuned, decide(kernel[len(known) :] @ _solved(kernel[: len(known)], centered, penalty)))


def _standardized(known: Tensor, unknown: Tensor) -> tuple[Tensor, Tensor]:
    """Subtract the mean of known values and divide by their scale; what is not finite counts as 0.

    Values that are far larger than the others are reduced, since they would be all that a distance sees.
    """
    known, unknown = (torch.nan_to_num(each.double(), posinf=0, neginf=0) for each in (known, unknown))
    mean = known.mean(0)
    units = balancing_units(known - mean)
    known, unknown, mean = known * units, unknown * units, mean * units
    scale = (known - mean).square().sum(1).mean().sqrt().clamp(min=1e-12)
    known, unknown = ((each - mean) / scale for each in (known, unknown))
    return known.float(), unknown.clamp(-1e6, 1e6).float()


def _kernel(products: Tensor, known: Tensor, unknown: Tensor, width: float | None) -> Tensor:
    """Return the kernel of all rows, (K + M, D), and the known ones, (K + M, K), by their inner products."""
    if width is None:
        return products
    squares = torch.cat([known, unknown]).square().sum(1)
    distances = squares[:, None] - 2 * products + squares[: len(known)]
    apart = torch.pdist(known[:MAX_SCALED]).square()
    return (-distances.clamp(min=0) / (width * apart.median().clamp(min=1e-12))).exp()


def _solved(kernel: Tensor, targets: Tensor, penalty: float) -> Tensor:
    unit = kernel.diagonal().mean().clamp(min=1e-6)
    regular = kernel + penalty * unit * torch.eye(len(kernel), device=kernel.device)
    factor, failed = torch.linalg.cholesky_ex(regular)
    return torch.linalg.solve(regular, targets) if failed else torch.cholesky_solve(targets, factor)
