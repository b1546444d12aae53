"""Priors of maximum a posteriori inversion, which say what images are like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from .._decoders.fitting import Rebuild, apply
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


class Priors(NamedTuple):
    """A prior fitted to several divisions of the attacker's images.

    Attributes:
        tune: For the images that each fold tunes on, fitted to those that it does not hold out.
        judge: For the images that each fold judges on, fitted to all others, so that it is nearly as good as the final.
        final: For the private images, fitted to all.
    """

    tune: tuple[Prior, ...]
    judge: tuple[Prior, ...]
    final: Prior


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
        return cls(mean, Gaussian(images - mean, IMAGE_VARIANCE_FLOOR))

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
    """Fit a Gaussian to the errors of the decoder on images that it was not fitted to.

    With several parts these are the errors on the images that each part holds out, but for those on which the prior is
    used. With a single part they are the errors on the images that the decoder was fitted to, scaled to the size of
    those on the images to tune on.
    """
    pairs = list(zip(start.queries.parts, start.decoder.each, strict=True))
    if len(pairs) == 1:
        ((part, decoder),) = pairs
        fitted, new = (_errors(part, decoder, index) for index in (torch.arange(part.trainable), part.tune))
        prior = AroundStart.of(fitted * (new.square().mean() / fitted.square().mean().clamp(min=1e-12)).sqrt())
        return Priors((prior,), (prior,), prior)
    errors = [_errors(part, decoder, part.held_out) for part, decoder in pairs]
    others = [torch.cat(errors[:number] + errors[number + 1 :]) for number in range(len(errors))]
    tuned = [_errors(part, decoder, part.not_judged[part.own :]) for part, decoder in pairs]
    return Priors(
        tuple(AroundStart.of(some) for some in others),
        tuple(AroundStart.of(torch.cat(both)) for both in zip(others, tuned, strict=True)),
        AroundStart.of(torch.cat(errors)),
    )


def _errors(queries: Queries, decoder: Rebuild, index: Tensor) -> Tensor:
    """Compute the errors of the decoder on at most ``MAX_ERROR_IMAGES`` of the images, (E, C, H, W)."""
    index = index[:MAX_ERROR_IMAGES].to(queries.images.device)
    if not len(index):
        return queries.images[index]
    parts = index.split(in_one_pass(queries.observed[0]))
    return queries.images[index] - torch.cat([apply(decoder, queries.wires(part)) for part in parts])
