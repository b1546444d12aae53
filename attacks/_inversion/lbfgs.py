"""L-BFGS with a box, for many independent images at once."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

MEMORY = 10
"""Past steps from which the curvature is estimated; the usual choice is 3 to 20 (Nocedal & Wright, section 7.2)."""
FIRST_STEP = 0.1
"""Largest change of a pixel in the first step, when no curvature is known yet."""
LOOK = 10
"""Evaluations after which it is looked which images have settled."""


class Loss(Protocol):
    """What is minimized."""

    def __call__(self, images: Tensor, places: Tensor) -> Tensor:
        """The loss of each of some images (M, C, H, W), (M,), which depends on it and on its place among all, (M,)."""
        ...


class State(NamedTuple):
    """Where the search of some images stands.

    Attributes:
        places: theirs among all, (M,).
        images: the best so far, (M, C, H, W).
        value: their losses, (M,).
        slope: the gradient there, (M, C, H, W).
        length: of the next step, (M,).
    """

    places: Tensor
    images: Tensor
    value: Tensor
    slope: Tensor
    length: Tensor


def minimize(loss: Loss, start: Tensor, *, iterations: int, settled: float = 0.0) -> Tensor:
    """Minimize a loss for each image on its own, over pixels in [0, 1].

    Every image has its own curvature and its own step length, and a step that would raise its loss is not taken, so
    an image comes out the same whatever else is in the batch. Pixels that press against a bound are held.

    Source: Nocedal & Wright, "Numerical Optimization", algorithm 7.4; the projection of Bertsekas 1982.

    Args:
        loss: of some of the images.
        start: where to begin, (N, C, H, W).
        iterations: evaluations of the loss and its gradient, at most.
        settled: an image is finished when its loss has fallen by less than this share in ``LOOK`` evaluations.

    Returns:
        Images (N, C, H, W) in [0, 1].
    """
    images, places = start.detach().clamp(0, 1), torch.arange(len(start), device=start.device)
    value, slope = _evaluate(loss, images, places)
    now, past = State(places, images, value, slope, torch.ones_like(value)), deque[tuple[Tensor, ...]](maxlen=MEMORY)
    result, before = images.clone(), value
    for count in range(1, iterations + 1):
        now, pair = _step(loss, now, past)
        past.append(pair)
        if settled and count % LOOK == 0:
            moving = before - now.value >= settled * now.value.abs()
            if not moving.all():
                result[now.places] = now.images
                now = State(*(each[moving] for each in now))
                past = deque((tuple(each[moving] for each in pair) for pair in past), maxlen=MEMORY)
            before = now.value
        if not len(now.places):
            break
    result[now.places] = now.images
    return result


def _step(loss: Loss, now: State, past: deque[tuple[Tensor, ...]]) -> tuple[State, tuple[Tensor, ...]]:
    """One evaluation, and what it tells about the curvature."""
    places, images, value, slope, length = now
    held = ((images <= 0) & (slope > 0)) | ((images >= 1) & (slope < 0))
    direction = -_curved(slope.masked_fill(held, 0), past).masked_fill(held, 0)
    trial = (images + _wide(length) * direction).clamp(0, 1)
    trial_value, trial_slope = _evaluate(loss, trial, places)
    better = trial_value <= value
    pair = _pair(torch.where(_wide(better), trial - images, 0), trial_slope - slope)
    after = State(
        places,
        images=torch.where(_wide(better), trial, images),
        value=torch.where(better, trial_value, value),
        slope=torch.where(_wide(better), trial_slope, slope),
        length=torch.where(better, (length * 2).clamp(max=1), (length * 0.3).clamp(min=1e-4)),
    )
    return after, pair


def _evaluate(loss: Loss, images: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    images = images.detach().requires_grad_(True)
    value = loss(images, places)
    (slope,) = torch.autograd.grad(value.sum(), images)
    return value.detach(), slope


def _pair(step: Tensor, change: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A step, the change of slope along it, and 1 / their product: 0 where the curvature was not positive."""
    product = _dot(step, change)
    usable = product > 1e-10 * _dot(change, change)
    return step, change, torch.where(usable, 1 / product.clamp(min=1e-30), 0)


def _curved(slope: Tensor, past: deque[tuple[Tensor, ...]]) -> Tensor:
    """Multiply the slope by the estimated inverse Hessian (the two-loop recursion).

    Where no step has told any curvature yet, as when the first was not taken, the slope alone is brought to the length
    of a first step.
    """
    unit = FIRST_STEP / _wide(slope.flatten(1).abs().amax(1).clamp(min=1e-12))
    if not past:
        return slope * unit
    known = torch.stack([inverse for _, _, inverse in past]).amax(0) > 0
    kept = []
    for step, change, inverse in reversed(past):
        share = inverse * _dot(step, slope)
        slope = slope - share * change
        kept.append(share)
    step, change, _ = past[-1]
    latest = (_dot(step, change) / _dot(change, change).clamp(min=1e-20)).clamp(min=1e-8)
    slope = slope * torch.where(known, latest, unit)
    for (step, change, inverse), share in zip(past, reversed(kept), strict=True):
        slope = slope + step * (share - inverse * _dot(change, slope))
    return slope


def _dot(first: Tensor, second: Tensor) -> Tensor:
    return _wide((first * second).flatten(1).sum(1))


def _wide(numbers: Tensor) -> Tensor:
    """(N,) as (N, 1, 1, 1)."""
    return numbers.view(-1, 1, 1, 1)
