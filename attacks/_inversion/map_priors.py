"""Priors of maximum a posteriori inversion: what images are like, beside what the wire says of them."""

from __future__ import annotations

import torch
from torch import Tensor

from .._decoders.fitting import Rebuild, apply
from .._decoders.folds import Fitted
from .._decoders.queries import Queries
from .._limits import in_one_pass
from .gaussian import Gaussian
from .map import Penalty, Prior
from .start import Start

IMAGE_FLOOR = 1e-3
"""Variance that images may have in any direction."""
ERROR_FLOOR = 1e-4
"""Variance that a decoder's errors may have in any direction; 1e-3 gave 0.4 dB less on MNIST relu2."""
ERRORS = 3000
"""Images on which a decoder's errors are measured."""


def smooth(start: Start) -> Fitted[Prior]:
    """Images are smooth: mean squared difference of neighboring pixels, down plus across (TV2)."""

    def prior(starts: Tensor) -> Penalty:
        return variation

    return Fitted((prior,) * len(start.queries.parts), prior)


def variation(images: Tensor) -> Tensor:
    """Mean squared difference of neighboring pixels (N, C, H, W), down plus across, (N,)."""
    return images.diff(dim=2).square().mean((1, 2, 3)) + images.diff(dim=3).square().mean((1, 2, 3))


def like_aux(start: Start) -> Fitted[Prior]:
    """Images have the mean and the covariance of the attacker's own: the squared length of whitened PCA coordinates."""
    each = tuple(_around_the_mean(part) for part in start.queries.parts)
    return Fitted(each, each[0] if len(each) == 1 else _around_the_mean(start.queries.whole))


def _around_the_mean(queries: Queries) -> Prior:
    mean = queries.mean
    gaussian = Gaussian(queries.images[: queries.own] - mean, IMAGE_FLOOR)
    return lambda starts: lambda images: gaussian.penalty(images - mean)


def like_decoded(start: Start) -> Fitted[Prior]:
    """Images lie around what the decoder says, as far in each direction as its errors do on images new to it.

    With several parts these are the errors on what each holds out; a part itself is given those of the others, so that
    it is not judged on images of its own prior. With one, they are the errors on what the decoder was fitted to, made
    as large as those on images to tune on.
    """
    pairs = list(zip(start.queries.parts, start.decoder.each, strict=True))
    if len(pairs) == 1:
        ((part, decoder),) = pairs
        fitted, new = (_errors(part, decoder, index) for index in (torch.arange(part.trainable), part.tune))
        prior = _around_the_start(fitted * (new.square().mean() / fitted.square().mean().clamp(min=1e-12)).sqrt())
        return Fitted((prior,), prior)
    errors = [_errors(part, decoder, part.held_out) for part, decoder in pairs]
    others = (errors[:number] + errors[number + 1 :] for number in range(len(errors)))
    return Fitted(tuple(_around_the_start(torch.cat(some)) for some in others), _around_the_start(torch.cat(errors)))


def _errors(queries: Queries, decoder: Rebuild, index: Tensor) -> Tensor:
    """What the decoder's answers to at most ``ERRORS`` of the images are wrong by, (E, C, H, W)."""
    index = index[:ERRORS].to(queries.images.device)
    parts = index.split(in_one_pass(queries.observed[0]))
    return queries.images[index] - torch.cat([apply(decoder, queries.wires(part)) for part in parts])


def _around_the_start(errors: Tensor) -> Prior:
    gaussian = Gaussian(errors, ERROR_FLOOR)
    return lambda starts: lambda images: gaussian.penalty(images - starts)
