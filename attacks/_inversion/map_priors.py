"""Priors of maximum a posteriori inversion, which say what images are like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from .._decoders.folds import StageModels
from .decoder_errors import fit_to_errors
from .gaussian import Gaussian
from .start import Start

IMAGE_VARIANCE_FLOOR = 1e-3
"""Variance of images in any direction, at least."""
ERROR_VARIANCE_FLOOR = 1e-4
"""Variance of a decoder's errors in any direction, at least; 1e-3 gave 0.4 dB less on MNIST relu2."""


class Prior(Protocol):
    """A penalty on unlikely images."""

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """Compute how unlikely images (N, C, H, W) are if a decoder answers ``starts`` (N, C, H, W), (N,)."""
        ...


Priors = StageModels[Prior]
"""A prior fitted to several divisions of the attacker's images."""

PriorFactory = Callable[[Start], Priors]
"""Fits a prior to the images, or to the errors of the decoder."""


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
    def of(cls, images: Tensor) -> AroundMean:
        """Measure images (K, C, H, W)."""
        mean = images.mean(0)
        return cls(mean, Gaussian(images - mean, IMAGE_VARIANCE_FLOOR, from_own_mean=True))

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """Compute the squared length of whitened PCA coordinates, (N,)."""
        return self.gaussian.penalty(images - self.mean)


@dataclass(frozen=True)
class AroundStart:
    """Penalize the distance from a decoder's answers, by the covariance of its errors."""

    gaussian: Gaussian

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """Compute the squared Mahalanobis distance from the decoder's answers, (N,)."""
        return self.gaussian.penalty(images - starts)


def smooth(start: Start) -> Priors:
    """Return the smoothness prior, which is not fitted to any images."""
    each = (Smooth(),) * len(start.queries.parts)
    return Priors(each, each, Smooth())


def variation(images: Tensor) -> Tensor:
    """Compute the mean squared difference of neighboring pixels (N, C, H, W), down plus across, (N,)."""
    return images.diff(dim=2).square().mean((1, 2, 3)) + images.diff(dim=3).square().mean((1, 2, 3))


def like_aux(start: Start) -> Priors:
    """Fit a Gaussian to the attacker's images."""
    parts, whole = start.queries.parts, start.queries.whole
    tune = tuple(AroundMean.of(part.images[: part.own]) for part in parts)
    if len(parts) == 1:
        return Priors(tune, tune, tune[0])
    judge = tuple(AroundMean.of(part.images[part.not_judged]) for part in parts)
    return Priors(tune, judge, AroundMean.of(whole.images[: whole.own]))


def like_decoded(start: Start) -> Priors:
    """Fit a Gaussian to the errors of the decoder."""
    return fit_to_errors(
        start.queries,
        start.decoder,
        lambda errors: AroundStart(Gaussian(errors, ERROR_VARIANCE_FLOOR, from_own_mean=False)),
    )
