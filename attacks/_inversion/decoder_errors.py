"""The errors that a decoder makes on images that it was not fitted to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from .._decoders.divided import Divided
from .._decoders.fitting import Decoders, Rebuild, apply
from .._decoders.folds import StageModels
from .._decoders.queries import Queries
from .._limits import forward_batch_size

MAX_ERROR_IMAGES = 3000
"""Images on which a decoder's errors are measured, at most."""

T = TypeVar("T")


def fit_to_errors(queries: Divided, decoder: Decoders, fit: Callable[[Tensor], T]) -> StageModels[T]:
    """Fit a model to the errors of a decoder on images that it was not fitted to.

    With several parts these are the errors on the images that each part holds out, but for those on which the model is
    used. With a single part they are the errors on the images that the decoder was fitted to, scaled to the size of
    those on the images to tune on.

    Args:
        queries: The images and their wires.
        decoder: Fitted to each part.
        fit: Fits a model to errors (E, C, H, W).
    """
    pairs = list(zip(queries.parts, decoder.each, strict=True))
    if len(pairs) == 1:
        ((part, only),) = pairs
        fitted, new = (_errors(part, only, index) for index in (torch.arange(part.trainable), part.tune))
        model = fit(fitted * (new.square().mean() / fitted.square().mean().clamp(min=1e-12)).sqrt())
        return StageModels((model,), (model,), model)
    errors = [_errors(part, one, part.held_out) for part, one in pairs]
    others = [torch.cat(errors[:number] + errors[number + 1 :]) for number in range(len(errors))]
    tuned = [_errors(part, one, part.not_judged[part.own :]) for part, one in pairs]
    return StageModels(
        tuple(fit(some) for some in others),
        tuple(fit(torch.cat(both)) for both in zip(others, tuned, strict=True)),
        fit(torch.cat(errors)),
    )


def _errors(queries: Queries, decoder: Rebuild, index: Tensor) -> Tensor:
    """Compute the errors of the decoder on at most ``MAX_ERROR_IMAGES`` of the images, (E, C, H, W)."""
    index = index[:MAX_ERROR_IMAGES].to(queries.images.device)
    if not len(index):
        return queries.images[index]
    parts = index.split(forward_batch_size(queries.observed[0]))
    return queries.images[index] - torch.cat([apply(decoder, queries.wires(part)) for part in parts])
