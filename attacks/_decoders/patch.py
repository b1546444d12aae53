"""Linear maps from the neighborhoods of cells to the blocks of pixels there."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...benchmark.utils.least_squares import Affine
from .grid import Grid
from .wire_layout import WireLayout


def neighborhoods(wires: Tensor, images: Tensor, grid: Grid, side: int, *, share: int) -> tuple[Tensor, Tensor]:
    """Return neighborhoods of cells and the blocks of pixels there, (rows, C * side^2) and (rows, C * stride^2).

    Args:
        wires: (K, C, h, w).
        images: (K, C, H, W).
        grid: Where the cells lie on the image.
        side: Cells down and across a neighborhood.
        share: Cells drawn at random from each image, at most.
    """
    pairs = []
    for wire, image in zip(wires.split(1), images.split(1), strict=True):
        rows = functional.unfold(grid.place(wire), side, padding=side // 2)[0].T  # (cells, C * side^2)
        blocks = grid.blocks(image).flatten(2)[0].T  # (cells, C * stride^2)
        drawn = torch.randperm(len(rows))[:share].to(rows.device) if share < len(rows) else slice(None)
        pairs.append((rows[drawn], blocks[drawn]))
    every_row, every_block = zip(*pairs, strict=True)
    return torch.cat(every_row), torch.cat(every_block)


class PatchMap(nn.Module):
    """Map neighborhoods of cells to blocks of pixels by one convolution, in single precision."""

    def __init__(self, solved: Affine, layout: WireLayout, side: int, origins: Tensor | None = None) -> None:
        """Round the map to single precision. Take what is subtracted from maps first, (1, C, 1, 1)."""
        super().__init__()
        assert layout.grid is not None
        self.layout = layout
        self.grid = layout.grid
        self.padding = side // 2
        kernel = solved.weight.T.unflatten(1, (-1, side, side))  # (C * stride^2, channels, side, side)
        self.register_buffer("origins", torch.zeros(1) if origins is None else origins)
        self.register_buffer("kernel", kernel.float().contiguous())
        self.register_buffer("bias", (solved.offset - solved.center @ solved.weight).float())

    def forward(self, wires: Tensor) -> Tensor:
        """Decode spatial wires (N, ...) to images (N, C, H, W)."""
        kernel, bias, origins = cast(Tensor, self.kernel), cast(Tensor, self.bias), cast(Tensor, self.origins)
        maps = self.grid.place(self.layout.to_maps(wires) - origins)
        return self.grid.images(functional.conv2d(maps, kernel, bias, padding=self.padding))
