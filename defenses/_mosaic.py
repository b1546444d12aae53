"""The numbers of an IR as one gray image, as codecs for images take them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..benchmark.utils.ir_layout import IrLayout


@dataclass(frozen=True)
class Mosaic:
    """Lays the maps of an IR side by side in a gray image. A vector fills rows of equal length.

    Attributes:
        layout: How the IR is laid out.
    """

    layout: IrLayout

    @property
    def maps(self) -> tuple[int, int, int]:
        """Shape (C, h, w) of the maps. Each number of a vector is a map of one cell."""
        return self.layout.maps if self.layout.spatial else (math.prod(self.layout.shape), 1, 1)

    @property
    def grid(self) -> tuple[int, int]:
        """Maps below each other and side by side."""
        across = math.ceil(math.sqrt(self.maps[0]))
        return math.ceil(self.maps[0] / across), across

    def lay(self, values: Tensor) -> Tensor:
        """Turn values (N, ...) into gray images (N, rows, columns). Free places hold 0."""
        channels, height, width = self.maps
        (down, across), count = self.grid, len(values)
        maps = self.layout.to_maps(values).reshape(count, channels, height, width)
        maps = functional.pad(maps, (0, 0, 0, 0, 0, down * across - channels))
        tiles = maps.view(count, down, across, height, width).permute(0, 1, 3, 2, 4)
        return tiles.reshape(count, down * height, across * width)

    def take(self, images: Tensor) -> Tensor:
        """Undo ``lay``: turn gray images (N, rows, columns) into values (N, ...)."""
        channels, height, width = self.maps
        down, across = self.grid
        tiles = images.view(-1, down, height, across, width).permute(0, 1, 3, 2, 4)
        maps = tiles.reshape(len(images), down * across, height, width)[:, :channels]
        if not self.layout.spatial:
            return maps.reshape(len(images), *self.layout.shape)
        return self.layout.from_maps(maps)


def blocks(images: Tensor, size: int = 8) -> Tensor:
    """Divide gray images (N, rows, columns) into blocks (N, B, size, size), after repeating the last row and column."""
    rows, columns = images.shape[1:]
    padded = functional.pad(images[:, None], (0, -columns % size, 0, -rows % size), mode="replicate")[:, 0]
    cells = padded.unflatten(2, (-1, size)).unflatten(1, (-1, size))  # (N, down, size, across, size)
    return torch.transpose(cells, 2, 3).flatten(1, 2)
