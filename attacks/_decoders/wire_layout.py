"""How the numbers of a wire lie on the blocks of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

from ...benchmark.utils.ir_layout import IrLayout
from .grid import Grid, centered

UNEQUAL = 1.5
"""Ratio of the pixels per cell, down and across, from which the two strides are taken to differ."""
MAX_JOINED, MAX_SIDE = 16, 16
"""Cells that share a block, at most, and pixels on its side, at most, where blocks cover the image exactly."""


@dataclass(frozen=True)
class WireLayout:
    """How wires (N, ...) lie on the blocks of an image.

    Blocks are squares. If the cells of maps are finer than pixels, as after upsampling, or if they are not squares, the
    cells of each block are joined: their numbers become channels of one cell.

    Attributes:
        ir: The form of a wire. A vector may be read as maps.
        grid: The blocks, one for each cell, or for those that are joined; None for a vector.
        joined: Cells down and across that share a block.

    Example:
        >>> import torch
        >>> WireLayout.of((8, 16, 32), image=(3, 32, 32)).to_maps(torch.zeros(5, 8, 16, 32)).shape
        torch.Size([5, 16, 16, 16])
    """

    ir: IrLayout
    grid: Grid | None = None
    joined: tuple[int, int] = (1, 1)

    @classmethod
    def of(cls, shape: Sequence[int], *, image: Sequence[int]) -> WireLayout:
        """Find the usual layout of wires of a shape (...) of images (C, H, W).

        A single cell is a vector, since it has no place.

        Example:
            >>> [WireLayout.of((64, side, side), image=(3, 32, 32)).spatial for side in (1, 2)]
            [False, True]
        """
        ir = IrLayout.of(shape, image=image)
        return cls.over(IrLayout("vector", ir.shape) if ir.rows * ir.columns == 1 else ir, (image[-2], image[-1]))

    @classmethod
    def over(cls, ir: IrLayout, pixels: tuple[int, int]) -> WireLayout:
        """Lay IRs over an image of (H, W) pixels, with strides that are powers of two, as ``Grid.fit`` does."""
        if not ir.spatial:
            return cls(ir)
        down, across = pixels[0] / ir.rows, pixels[1] / ir.columns
        unequal = max(down, across) > UNEQUAL * min(down, across)
        strides = (_stride(down), _stride(across)) if unequal else (_stride(min(down, across)),) * 2
        side = max(1, *strides)
        if ir.kind == "tokens" or strides == (side, side):
            return cls(ir, Grid.fit(ir, pixels))
        return cls(ir, Grid.blocks_of(int(side), pixels), (int(side / strides[0]), int(side / strides[1])))

    @classmethod
    def covering(cls, ir: IrLayout, pixels: tuple[int, int]) -> WireLayout | None:
        """Lay IRs over the whole image, with any strides; None if that is the usual layout, or needs large blocks.

        Strides are whole numbers, or their inverses are, except that a few cells finer than pixels may share a block.
        """
        if not ir.spatial or min(ir.rows, ir.columns) < 2:
            return None
        down, across = Fraction(pixels[0], ir.rows), Fraction(pixels[1], ir.columns)
        side = math.lcm(down.numerator, across.numerator)
        joined = int(side / down), int(side / across)
        whole = all(stride < 1 or stride.denominator == 1 for stride in (down, across))
        if not whole or side > MAX_SIDE or math.prod(joined) > MAX_JOINED:
            return None
        found = cls(ir, Grid.blocks_of(side, pixels), joined)
        return None if found == cls.over(ir, pixels) else found

    @property
    def spatial(self) -> bool:
        """Return whether wires have a form as maps."""
        return self.grid is not None

    @property
    def channels(self) -> int:
        """Return the channels of the maps."""
        return self.ir.maps[0] * math.prod(self.joined)

    def to_maps(self, wires: Tensor) -> Tensor:
        """Turn wires (N, ...) into maps (N, channels, h, w). A vector without such a form is returned as it is."""
        if self.grid is None:
            return wires
        maps = self.ir.to_maps(wires.reshape(len(wires), *self.ir.shape))
        if self.joined == (1, 1):
            return maps
        down, across = self.joined
        maps = centered(maps, self.grid.rows * down, self.grid.columns * across)
        cells = maps.unflatten(3, (-1, across)).unflatten(2, (-1, down))  # (N, C, rows, down, columns, across)
        return cells.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)


def _stride(pixels: float) -> float:
    """Return the power of two that is the stride of cells that are so many pixels apart, as far as one can tell.

    Convolutions without padding make an IR smaller, so that its cells seem to be farther apart.
    """
    power = math.log2(pixels)
    return 2.0 ** (math.floor(power) if power >= 0 else round(power))
