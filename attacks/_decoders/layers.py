"""First layers of decoders: bring a wire to one scale, and lay it out on the blocks of the image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .grid import Grid

BLOCK_PIXELS = 4
"""Pixels on a side of the blocks that vectors are decoded to."""


class Standardize(nn.Module):
    """Bring wires to mean 0 and variance 1: each channel of maps (N, C, h, w), each number of vectors."""

    mean: Tensor
    scale: Tensor

    def __init__(self, wires: Tensor) -> None:
        """Measure the scale of some wires (K, ...)."""
        super().__init__()
        dims = [0, 2, 3] if wires.ndim == 4 else [0]
        scale = wires.std(dims, keepdim=True, correction=int(len(wires) > 1))
        lowest = 1e-3 * scale.mean().item()
        self.register_buffer("mean", wires.mean(dims, keepdim=True))
        self.register_buffer("scale", scale.clamp(min=lowest) if lowest > 1e-15 else torch.ones_like(scale))

    def forward(self, wires: Tensor) -> Tensor:
        """Standardize (N, ...)."""
        return (wires - self.mean) / self.scale


class Layout(nn.Module):
    """Lay out a standardized wire (N, ...) as maps (N, channels, rows, columns), one cell for each block of pixels.

    Attributes:
        grid: the blocks.
        channels: numbers of a cell.
    """

    def __init__(self, grid: Grid, channels: int) -> None:
        """Take the blocks and the numbers of a cell."""
        super().__init__()
        self.grid, self.channels = grid, channels


class FromMaps(Layout):
    """Put spatial wires (N, C, h, w) on the blocks that they cover."""

    def __init__(self, maps: tuple[int, ...], image: tuple[int, int, int], *, finest: int) -> None:
        """Plan for maps (C, h, w) and images (C, H, W), with blocks of at least ``finest`` pixels on a side."""
        grid = Grid.fit((maps[1], maps[2]), image[1:])
        joined = max(1, finest // grid.stride)  # cells on a side of those that share a block
        coarse = Grid.blocks_of(finest, image[1:]) if joined > 1 else grid
        super().__init__(coarse, maps[0] * joined**2)
        self.cells = Grid(1, grid.rows, grid.columns, grid.rows, grid.columns)
        self.joined = Grid.blocks_of(joined, (grid.rows, grid.columns))

    def forward(self, wires: Tensor) -> Tensor:
        """Lay out (N, C, h, w)."""
        return self.joined.blocks(self.cells.place(wires))


class FromVector(Layout):
    """Decode vectors (N, k) to blocks of ``BLOCK_PIXELS`` by a dense layer."""

    def __init__(self, numbers: int, image: tuple[int, int, int], width: int) -> None:
        """Build the layer for vectors of ``numbers``, with ``width`` channels."""
        super().__init__(Grid.blocks_of(BLOCK_PIXELS, image[1:]), width)
        self.dense = nn.Linear(numbers, width * self.grid.rows * self.grid.columns)

    def forward(self, wires: Tensor) -> Tensor:
        """Lay out (N, ...)."""
        return self.dense(wires.flatten(1)).unflatten(1, (self.channels, self.grid.rows, self.grid.columns)).relu()


def lay_out(wire: tuple[int, ...], image: tuple[int, int, int], width: int, *, finest: int = 1) -> Layout:
    """Choose the layout for wires and images of these shapes, (...) and (C, H, W)."""
    if len(wire) == 3:
        return FromMaps(wire, image, finest=finest)
    return FromVector(math.prod(wire), image, width)
