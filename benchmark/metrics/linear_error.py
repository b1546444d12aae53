"""How well a linear decoder rebuilds images from the readings of their wires."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ..utils.least_squares import Equations

SIDE = 32
"""Pixels down and across that images are reduced to, at most."""
STRENGTHS = (1e-4, 1e-2, 1.0)
"""Penalties that are tried."""


def linear_errors(images: Tensor, readings: Sequence[Tensor]) -> list[float]:
    """Return the mean squared error of the best linear decoder of each reading.

    It is fitted to half of the images, and rebuilds the others.

    Args:
        images: (K, C, H, W), at least two.
        readings: Different readings of the wires of these images, each (K, ...).

    Example:
        >>> images = torch.rand(64, 1, 2, 2)
        >>> doubled, unrelated = linear_errors(images, [2 * images, torch.rand(64, 4)])
        >>> doubled < 1e-6 < unrelated
        True
    """
    height, width = images.shape[2:]
    pixels = functional.adaptive_avg_pool2d(images, (min(SIDE, height), min(SIDE, width))).flatten(1)
    return [_error(reading.flatten(1).to(pixels.device), pixels) for reading in readings]


def _error(wires: Tensor, pixels: Tensor) -> float:
    """Return the squared error on half of images (K, P) of the best linear decoder of wires (K, D) of the others."""
    half = len(wires) // 2
    equations = Equations.gather(wires[:half], pixels[:half])
    errors = [(equations.solve(strength)(wires[half:]) - pixels[half:]).square().mean() for strength in STRENGTHS]
    return torch.stack(errors).min().item()
