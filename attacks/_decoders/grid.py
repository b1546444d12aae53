"""The position of the cells of a spatial IR on the image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ...benchmark.utils.ir_layout import IrLayout


@dataclass(frozen=True)
class Grid:
    """Square blocks of pixels that cover the image, one for each cell of an IR, with the IR in the middle.

    Attributes:
        stride: Pixels from one block to the next.
        rows: Blocks down.
        columns: Blocks across.
        height: Pixels of the image down.
        width: Pixels of the image across.
    """

    stride: int
    rows: int
    columns: int
    height: int
    width: int

    @classmethod
    def fit(cls, ir: IrLayout, pixels: tuple[int, int]) -> Grid:
        """Lay the blocks of a spatial IR over an image of (H, W) pixels.

        Tokens are patches that cover the image. For other IRs the stride is the largest power of two that fits, since
        convolutions without padding only make an IR smaller than H / stride.
        """
        cells = (ir.rows, ir.columns)
        if ir.kind == "tokens":
            return cls.blocks_of(pixels[0] // cells[0], pixels)
        ratio = min(pixels[0] / cells[0], pixels[1] / cells[1])
        return cls.blocks_of(2 ** max(0, math.floor(math.log2(ratio))), pixels)

    @classmethod
    def blocks_of(cls, stride: int, pixels: tuple[int, int]) -> Grid:
        """Cover an image of (H, W) pixels with blocks of a given size."""
        height, width = pixels
        return cls(stride, -(-height // stride), -(-width // stride), height, width)

    def place(self, maps: Tensor) -> Tensor:
        """Put maps (N, C, h, w) in the middle of the grid: (N, C, rows, columns), 0 around them."""
        return centered(maps, self.rows, self.columns)

    def blocks(self, images: Tensor) -> Tensor:
        """Fold each block of pixels into the channels: (N, C, H, W) to (N, C * stride**2, rows, columns)."""
        whole = centered(images, self.rows * self.stride, self.columns * self.stride)
        return functional.pixel_unshuffle(whole, self.stride)

    def images(self, blocks: Tensor) -> Tensor:
        """Undo ``blocks``: (N, C * stride**2, rows, columns) to (N, C, H, W)."""
        return centered(functional.pixel_shuffle(blocks, self.stride), self.height, self.width)


FAR = 8.0
"""Deviations by which the mean of a channel is away from 0 if its origin is moved before maps are padded with zeros.
After a ReLU it is about one. With 1,000 added to maps of deviation 0.3, ``ridge:form=patch`` was 2.75 dB worse."""


def far_origins(maps: Tensor) -> Tensor:
    """Return the least numbers of those channels of maps (N, C, h, w) that are far from 0, and 0 for others.

    They have the shape (1, C, 1, 1). Less their means, maps of a ReLU would not differ from the zeros around them.

    Example:
        >>> far_origins(torch.tensor([[[[0.0, 2.0]], [[1000.0, 1002.0]]]])).flatten()
        tensor([   0., 1000.])
    """
    deviation, mean = torch.std_mean(maps, (0, 2, 3), keepdim=True, correction=0)
    least = maps.amin((0, 2, 3), keepdim=True)
    return torch.where(mean.abs() > FAR * deviation, least, torch.zeros_like(least))


def centered(maps: Tensor, rows: int, columns: int) -> Tensor:
    """Pad with zeros or cut to (rows, columns), equally on both sides."""
    down, across = rows - maps.shape[2], columns - maps.shape[3]
    if down == across == 0:
        return maps
    left, top = int(across / 2), int(down / 2)  # rounded toward zero, so that cutting undoes padding
    return functional.pad(maps, (left, across - left, top, down - top))
