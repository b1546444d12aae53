"""Regularized maximum-likelihood estimation: the images whose clean IRs explain a wire best."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...benchmark.errors import Inapplicable
from ...benchmark.interfaces import Observation
from .._limits import in_one_graph
from .lbfgs import MEMORY, minimize
from .tv_gaussian import Prior

Distance = Callable[[Tensor, Tensor], Tensor]
CHUNK_NUMBERS = 2**23
"""Numbers of the IR inverted at a time, at most (32 MB)."""
STATE_NUMBERS = 2**26
"""Numbers that the search remembers of all images together, at most (256 MB)."""
OTHERS = 12
"""Pictures that it holds of each image, beside those in its memory: iterates, slopes, directions and their copies."""
TOLERANCE = 3e-4
"""An image is finished when its loss has fallen by less than this share in ten evaluations. On MNIST relu2
behind noise, dropout and quantization scores stay within 0.01 dB (with 1e-3, noise cost 0.05 dB)."""


def invert(
    client: nn.Module, distance: Distance, wire: Tensor, prior: Prior, *, tv: float | Tensor, iterations: int
) -> Tensor:
    """Minimize ``distance(client(x), wire) / distance(client(mean), wire) + tv * penalty(x)``, each image on its own.

    Measuring the misfit in units of the mean image's makes one ``tv`` fit shallow and deep splits.

    Args:
        client: maps images to clean IRs; left as it is.
        distance: misfit of clean IRs (N, ...) with wires (N, ...), (N,).
        wire: what was observed, (N, ...).
        prior: the penalty, and the mean image, which is where the search starts.
        tv: weight of the penalty, one number or (N,).
        iterations: evaluations of the loss and its gradient.

    Returns:
        Images (N, C, H, W) in [0, 1].
    """
    frozen = copy.deepcopy(client).requires_grad_(False).eval()
    frozen.to(memory_format=torch.channels_last)
    weights = torch.as_tensor(tv, device=wire.device).expand(len(wire))
    chunk = inverted_at_a_time(frozen, wire, prior.mean)
    parts = []
    for part, weight in zip(wire.split(chunk), weights.split(chunk), strict=True):
        start = prior.mean.expand(len(part), -1, -1, -1).contiguous()  # (B, C, H, W)
        with torch.no_grad():
            unit = distance(frozen(start), part)
            unit = torch.where(unit > 1e-9, unit, torch.ones_like(unit))

        def loss(
            images: Tensor, index: Tensor, part: Tensor = part, unit: Tensor = unit, weight: Tensor = weight
        ) -> Tensor:
            value = frozen(images.contiguous(memory_format=torch.channels_last))
            return distance(value, part[index]) / unit[index] + weight[index] * prior.penalty(images)

        parts.append(minimize(loss, start, iterations=iterations, tolerance=TOLERANCE))
    return torch.cat(parts)


def inverted_at_a_time(client: nn.Module, wire: Tensor, image: Tensor) -> int:
    """How many of the wires (N, ...) are inverted together, each to an image like ``image`` (C, H, W)."""
    remembered = STATE_NUMBERS // (image.numel() * (2 * MEMORY + OTHERS))
    return max(1, min(CHUNK_NUMBERS // wire[0].numel(), remembered, in_one_graph(client, image)))


def squared_error(value: Tensor, sent: Tensor) -> Tensor:
    """The distance of the published attack, whatever the defense, (N,)."""
    return (value - sent).square().flatten(1).sum(1)


def comparable(seen: Observation) -> Tensor:
    """The wire as numbers that can be compared with IRs, (N, ...).

    Raises:
        Inapplicable: if the defense publishes nothing about its channel.
    """
    if not seen.channel.published:
        raise Inapplicable(
            "the defense publishes nothing about its channel; only attacks that learn from queries apply"
        )
    return seen.channel.read(seen.wire).to(seen.aux.images.device)


def ir_shape(client: nn.Module, mean: Tensor, wire: Tensor) -> tuple[int, ...]:
    """Shape of one IR.

    Raises:
        Inapplicable: if the wire has another, so that no image can be compared with it.
    """
    with torch.no_grad():
        shape = tuple(client(mean[None]).shape[1:])
    if shape != tuple(wire.shape[1:]):
        raise Inapplicable(f"one wire has the shape {tuple(wire.shape[1:])}, but one IR has {shape}")
    return shape
