"""Priors of maximum a posteriori inversion, which say what images are like."""

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

IMAGE_VARIANCE_FLOOR = 1e-3
"""Variance of images in any direction, at least."""
ERROR_VARIANCE_FLOOR = 1e-4
"""Variance of a decoder's errors in any direction, at least; 1e-3 gave 0.4 dB less on MNIST relu2."""
MAX_ERROR_IMAGES = 3000
"""Images on which a decoder's errors are measured, at most."""


class Prior(Protocol):
    """A penalty on unlikely images."""

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """Compute how unlikely images (N, C, H, W) are if a decoder answers ``starts`` (N, C, H, W), (N,)."""
        ...


PriorFactory = Callable[[Start], Fitted[Prior]]
"""Fits a prior to each fold, and to all images."""


class Smooth:
    """Penalize images that are not smooth."""

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """Compute the mean squared difference of neighboring pixels (TV2), (N,)."""
        return variation(images)


@dataclass(frozen=True)
class AroundMean:
    """Penalize the distance from a mean (C, H, W), by the covariance of images."""

    mean: Tensor
    gaussian: Gaussian

    @classmethod
    def of(cls, queries: Queries) -> AroundMean:
        """Measure the attacker's images that may be fitted to."""
        mean = queries.mean
        return cls(mean, Gaussian(queries.images[: queries.own] - mean, IMAGE_VARIANCE_FLOOR))

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """Compute the squared length of whitened PCA coordinates, (N,)."""
        return self.gaussian.penalty(images - self.mean)


@dataclass(frozen=True)
class AroundStart:
    """Penalize the distance from a decoder's answers, by the covariance of its errors."""

    gaussian: Gaussian

    @classmethod
    def of(cls, errors: Tensor) -> AroundStart:
        """Measure errors (E, C, H, W)."""
        return cls(Gaussian(errors, ERROR_VARIANCE_FLOOR))

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """Compute the squared Mahalanobis distance from the decoder's answers, (N,)."""
        return self.gaussian.penalty(images - starts)


def smooth(start: Start) -> Fitted[Prior]:
    """Return the smoothness prior, which is not fitted to any images."""
    return Fitted((Smooth(),) * len(start.queries.parts), Smooth())


def variation(images: Tensor) -> Tensor:
    """Compute the mean squared difference of neighboring pixels (N, C, H, W), down plus across, (N,)."""
    return images.diff(dim=2).square().mean((1, 2, 3)) + images.diff(dim=3).square().mean((1, 2, 3))


def like_aux(start: Start) -> Fitted[Prior]:
    """Fit a Gaussian to the attacker's images."""
    each = tuple(AroundMean.of(part) for part in start.queries.parts)
    return Fitted(each, each[0] if len(each) == 1 else AroundMean.of(start.queries.whole))


def like_decoded(start: Start) -> Fitted[Prior]:
    """Fit a Gaussian to the errors of the decoder on images that it was not fitted to.

    With several parts these are the errors on the images that each part holds out. The prior of a part is fitted to the
    errors of the other parts, so that no part is judged on images of its own prior. With a single part they are the
    errors on the images that the decoder was fitted to, scaled to the size of those on the images to tune on.
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
    """Compute the errors of the decoder on at most ``MAX_ERROR_IMAGES`` of the images, (E, C, H, W)."""
    index = index[:MAX_ERROR_IMAGES].to(queries.images.device)
    parts = index.split(in_one_pass(queries.observed[0]))
    return queries.images[index] - torch.cat([apply(decoder, queries.wires(part)) for part in parts])
