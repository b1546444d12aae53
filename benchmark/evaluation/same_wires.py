"""Whether two wires are the same but for rounding."""

from __future__ import annotations

import torch
from torch import Tensor

from ..interfaces import Wire

ROUNDING = 1e-5
"""By how much pixels are changed to see how far a wire moves from rounding alone."""


def rounded(image: Tensor) -> Tensor:
    """Return an image (1, C, H, W) whose pixels are changed by at most ``ROUNDING``."""
    generator = torch.Generator().manual_seed(0)
    return image + (torch.rand(image.shape, generator=generator) - 0.5).to(image) * (2 * ROUNDING)


def entry(wire: Wire, position: int) -> Wire:
    """Return the wire of one image among several."""
    return Wire(wire.payload[position : position + 1], wire.view)


def same(one: Wire, other: Wire) -> bool:
    """Return whether two wires are the same, but for the rounding of float32 if they are tensors."""
    if not isinstance(one.payload, Tensor) or not isinstance(other.payload, Tensor):
        return bool(one.payload == other.payload)
    here, there = one.tensor.nan_to_num(), other.tensor.nan_to_num()
    return here.shape == there.shape and bool((here - there).norm() <= ROUNDING * here.norm())
