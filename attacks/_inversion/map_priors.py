"""Priors of maximum a posteriori inversion: what images are like, beside what the wire says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .._decoders.fitting import Rebuild, apply
from .._decoders.folds import Fitted
from .._decoders.queries import Queries
from .._limits import in_one_pass
from .gaussian import Gaussian
from .start import Start

IMAGE_FLOOR = 1e-3
"""Variance that images may have in any direction."""
ERROR_FLOOR = 1e-4
"""Variance that a decoder's errors may have in any direction; 1e-3 gave 0.4 dB less on MNIST relu2."""
ERRORS = 3000
"""Images on which a decoder's errors are measured."""


class Prior(Protocol):
    """What images are like."""

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """How unlikely images (N, C, H, W) are where a decoder answers ``starts`` (N, C, H, W), (N,)."""
        ...


PriorFactory = Callable[[Start], Fitted[Prior]]
"""Fits a prior to each fold, and to all images."""


class Smooth:
    """Images are smooth."""

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """Mean squared difference of neighboring pixels (TV2), (N,)."""
        return variation(images)


@dataclass(frozen=True)
class AroundMean:
    """Images have a mean (C, H, W) and a covariance."""

    mean: Tensor
    gaussian: Gaussian

    @classmethod
    def of(cls, queries: Queries) -> AroundMean:
        """Measure the attacker's images that may be fitted to."""
        mean = queries.mean
        return cls(mean, Gaussian(queries.images[: queries.own] - mean, IMAGE_FLOOR))

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """The squared length of whitened PCA coordinates, (N,)."""
        return self.gaussian.penalty(images - self.mean)


@dataclass(frozen=True)
class AroundStart:
    """Images lie around what a decoder says, as far in each direction as its errors do."""

    gaussian: Gaussian

    @classmethod
    def of(cls, errors: Tensor) -> AroundStart:
        """Measure errors (E, C, H, W)."""
        return cls(Gaussian(errors, ERROR_FLOOR))

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """The squared Mahalanobis distance from the decoder's answers, (N,)."""
        return self.gaussian.penalty(images - starts)


def smooth(start: Start) -> Fitted[Prior]:
    """Return the prior that images are smooth, which is not fitted to any."""
    return Fitted((Smooth(),) * len(start.queries.parts), Smooth())


def variation(images: Tensor) -> Tensor:
    """Mean squared difference of neighboring pixels (N, C, H, W), down plus across, (N,)."""
    return images.diff(dim=2).square().mean((1, 2, 3)) + images.diff(dim=3).square().mean((1, 2, 3))


def like_aux(start: Start) -> Fitted[Prior]:
    """Fit the prior that images have the mean and the covariance of the attacker's own."""
    each = tuple(AroundMean.of(part) for part in start.queries.parts)
    return Fitted(each, each[0] if len(each) == 1 else AroundMean.of(start.queries.whole))


def like_decoded(start: Start) -> Fitted[Prior]:
    """Fit the prior that images lie around what the decoder says, as its errors on images new to it do.

    With several parts these are the errors on what each holds out; a part itself is given those of the others, so that
    it is not judged on images of its own prior. With one, they are the errors on what the decoder was fitted to, made
    as large as those on images to tune on.
    """
    pairs = list(zip(start.queries.parts, start.decoder.each, strict=True))
    if len(pairs) == 1:
        ((part, decoder),) = pairs
        fitted, new = (_errors(part, decoder, index) for index in (torch.arange(part.trainable), part.tune))
        prior = AroundStart.of(fitted * (new.square().mean() / fitted.square().mean().clamp(min=1e-12)).sqrt())
        return Fitted((prior,), prior)
    errors = [_errors(part, decoder, part.held_out) for part, decoder in pairs]
    others = (errors[:number] + errors[number + 1 :] for number in range(len(errors)))
    return Fitted(tuple(AroundStart.of(torch.cat(some)) for some in others), AroundStart.of(torch.cat(errors)))


def _errors(queries: Queries, decoder: Rebuild, index: Tensor) -> Tensor:
    """What the decoder's answers to at most ``ERRORS`` of the images are wrong by, (E, C, H, W)."""
    index = index[:ERRORS].to(queries.images.device)
    parts = index.split(in_one_pass(queries.observed[0]))
    return queries.images[index] - torch.cat([apply(decoder, queries.wires(part)) for part in parts])
