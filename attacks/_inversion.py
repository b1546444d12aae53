"""Regularized maximum-likelihood estimation: the images whose clean IRs explain a wire best."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ._lbfgs import minimize

ROUNDING = 1e-6
"""Rounds the corner of the absolute value in the total variation, so that it has a slope everywhere."""
BATCH_NUMBERS = 2**27
"""Numbers of the IR inverted at a time; the graph through the client needs a small multiple of this."""


def invert(
    client: nn.Module,
    distance: Callable[[Tensor, Tensor], Tensor],
    wire: Tensor,
    mean: Tensor,
    *,
    tv: float | Tensor,
    iterations: int,
) -> Tensor:
    """Minimize ``distance(client(x), wire) / distance(client(mean), wire) + tv * TV(x)`` for every image on its own.

    Measuring the misfit in units of the mean image's makes one ``tv`` fit shallow and deep splits.

    Args:
        client: maps images to clean IRs; left as it is.
        distance: misfit of clean IRs (N, ...) with wires (N, ...), (N,).
        wire: what was observed, (N, ...).
        mean: the image to start from, (C, H, W).
        tv: weight of the total variation, one number or (N,).
        iterations: evaluations of the loss and its gradient.

    Returns:
        Images (N, C, H, W) in [0, 1].
    """
    frozen = copy.deepcopy(client).requires_grad_(False).eval()
    weights = torch.as_tensor(tv, device=wire.device).expand(len(wire))
    chunk = max(1, BATCH_NUMBERS // wire[0].numel() // 16)
    parts = []
    for part, weight in zip(wire.split(chunk), weights.split(chunk), strict=True):
        start = mean.expand(len(part), -1, -1, -1)  # (B, C, H, W)
        with torch.no_grad():
            unit = _positive(distance(frozen(start), part))

        def loss(images: Tensor, part: Tensor = part, unit: Tensor = unit, weight: Tensor = weight) -> Tensor:
            return distance(frozen(images), part) / unit + weight * total_variation(images)

        parts.append(minimize(loss, start, iterations=iterations))
    return torch.cat(parts)


def total_variation(images: Tensor) -> Tensor:
    """Mean absolute difference of neighboring pixels, down plus across, (N,)."""
    down, across = images.diff(dim=2), images.diff(dim=3)
    return _absolute(down).mean((1, 2, 3)) + _absolute(across).mean((1, 2, 3))


def squared_error(value: Tensor, sent: Tensor) -> Tensor:
    """The distance of the published attack, whatever the defense, (N,)."""
    return (value - sent).square().flatten(1).sum(1)


def _absolute(difference: Tensor) -> Tensor:
    return (difference.square() + ROUNDING).sqrt()


def _positive(unit: Tensor) -> Tensor:
    return torch.where(unit > 1e-9, unit, torch.ones_like(unit))
