"""First layers of decoders: bring a wire to one scale, and lay it out on the blocks of the image."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from .grid import Grid
from .wire_layout import WireLayout

BLOCK_PIXELS = 4
"""Pixels on a side of the blocks that vectors are decoded to, at least."""
MAX_DENSE_WEIGHTS = 2**25
"""Weights of the layer that decodes vectors (128 MB); for more, the blocks are larger. Images of 32 pixels on a side
and vectors of 2**14 numbers stay below."""


def correcting_layers(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Build four convolutions, of ``width`` channels between them, that say at first that nothing is to be corrected.

    Example:
        >>> correcting_layers(3, 8, 1)(torch.ones(1, 3, 4, 4)).abs().sum().item()
        0.0
    """
    layers = nn.Sequential(
        nn.Conv2d(inputs, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, outputs, 3, padding=1),
    )
    for parameter in layers[-1].parameters():
        nn.init.zeros_(parameter)
    return layers


class CorrectedDecoder(nn.Module, ABC):
    """A fixed linear decoder plus a correction of its answers."""

    linear: nn.Module

    def forward(self, wires: Tensor) -> Tensor:
        """Decode wires (N, ...) to images (N, C, H, W), not yet clamped."""
        return self.corrected(self.linear(wires).clamp(0, 1), wires)

    @abstractmethod
    def corrected(self, images: Tensor, wires: Tensor) -> Tensor:
        """Correct the linear decoder's answers (N, C, H, W) to wires (N, ...)."""


class Standardize(nn.Module):
    """Bring wires to mean 0 and variance 1: each channel of maps (N, C, h, w), each number of vectors.

    Example:
        >>> Standardize(torch.tensor([[0.0], [2.0]]))(torch.tensor([[1.0]]))
        tensor([[0.]])
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, wires: Tensor) -> None:
        """Measure the scale of some wires (K, ...)."""
        super().__init__()
        dims = [0, 2, 3] if wires.ndim == 4 else [0]
        scale = wires.std(dims, keepdim=True, correction=int(len(wires) > 1))
        lowest = 1e-3 * scale.mean().item()
        self.register_buffer("mean", wires.mean(dims, keepdim=True))
        self.register_buffer(
            "scale", scale.clamp(min=lowest) if lowest > torch.finfo(scale.dtype).tiny else torch.ones_like(scale)
        )

    def forward(self, wires: Tensor) -> Tensor:
        """Standardize (N, ...)."""
        return (wires - self.mean) / self.scale


class WireToGrid(nn.Module):
    """Lay out a standardized wire (N, ...) as maps (N, channels, rows, columns), one cell for each block of pixels.

    Attributes:
        grid: The blocks.
        channels: Numbers of a cell.
    """

    def __init__(self, grid: Grid, channels: int) -> None:
        """Take the blocks and the numbers of a cell."""
        super().__init__()
        self.grid, self.channels = grid, channels


class FromMaps(WireToGrid):
    """Put spatial wires (N, C, h, w) on the blocks that they cover."""

    def __init__(self, layout: WireLayout, image: tuple[int, int, int], *, finest: int) -> None:
        """Plan for spatial wires and images (C, H, W), with blocks of at least ``finest`` pixels on a side."""
        grid = layout.grid
        assert grid is not None
        joined = max(1, finest // grid.stride)  # cells on a side of those that share a block
        coarse = Grid.blocks_of(finest, image[1:]) if joined > 1 else grid
        super().__init__(coarse, layout.channels * joined**2)
        self.cells = Grid(1, grid.rows, grid.columns, grid.rows, grid.columns)
        self.joined = Grid.blocks_of(joined, (grid.rows, grid.columns))

    def forward(self, wires: Tensor) -> Tensor:
        """Lay out (N, C, h, w)."""
        return self.joined.blocks(self.cells.place(wires))


class FromVector(WireToGrid):
    """Decode vectors (N, k) to blocks by a dense layer."""

    def __init__(self, numbers: int, image: tuple[int, int, int], width: int) -> None:
        """Build the layer for vectors of ``numbers``, with ``width`` channels."""
        super().__init__(vector_grid(numbers, image, width), width)
        self.dense = nn.Linear(numbers, width * self.grid.rows * self.grid.columns)

    def forward(self, wires: Tensor) -> Tensor:
        """Lay out (N, ...)."""
        return self.dense(wires.flatten(1)).unflatten(1, (self.channels, self.grid.rows, self.grid.columns)).relu()


def vector_grid(numbers: int, image: tuple[int, int, int], width: int) -> Grid:
    """Return the blocks to which a dense layer decodes vectors, with ``width`` channels, for images (C, H, W)."""
    side = BLOCK_PIXELS
    while (grid := Grid.blocks_of(side, image[1:])).rows * grid.columns > 1:
        if numbers * width * grid.rows * grid.columns <= MAX_DENSE_WEIGHTS:
            break
        side *= 2
    return grid


def lay_out(layout: WireLayout, image: tuple[int, int, int], width: int, *, finest: int = 1) -> WireToGrid:
    """Choose the first layer for wires, after ``layout.to_maps``, and images (C, H, W)."""
    if layout.spatial:
        return FromMaps(layout, image, finest=finest)
    return FromVector(math.prod(layout.ir.shape), image, width)
