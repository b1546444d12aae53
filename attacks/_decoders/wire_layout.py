"""How the numbers of a wire lie on the blocks of the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ...benchmark.utils.ir_layout import IrLayout
from .grid import Grid


@dataclass(frozen=True)
class WireLayout:
    """How wires (N, ...) lie on the blocks of an image.

    Attributes:
        ir: The form of a wire. A vector may be read as maps.
        grid: The blocks, one for each cell; None for a vector.

    Example:
        >>> WireLayout.of((16, 16, 8), image=(3, 32, 32)).to_maps(torch.zeros(5, 16, 16, 8)).shape
        torch.Size([5, 8, 16, 16])
    """

    ir: IrLayout
    grid: Grid | None = None

    @classmethod
    def of(cls, shape: Sequence[int], *, image: Sequence[int]) -> WireLayout:
        """Find the usual layout of wires of a shape (...) of images (C, H, W).

        A single cell is a vector, since it has no place.

        Example:
            >>> WireLayout.of((64, 1, 1), image=(3, 32, 32)).spatial, WireLayout.of((64, 2, 2), image=(3, 32, 32)).spatial
            (False, True)
        """
        ir = IrLayout.of(shape, image=image)
        return cls.over(IrLayout("vector", ir.shape) if ir.rows * ir.columns == 1 else ir, (image[-2], image[-1]))

    @classmethod
    def over(cls, ir: IrLayout, pixels: tuple[int, int]) -> WireLayout:
        """Lay IRs over an image of (H, W) pixels, with strides that are powers of two, as ``Grid.fit`` does."""
        return cls(ir, Grid.fit(ir, pixels) if ir.spatial else None)

    @property
    def spatial(self) -> bool:
        """Return whether wires have a form as maps."""
        return self.grid is not None

    @property
    def channels(self) -> int:
        """Return the channels of the maps."""
        return self.ir.maps[0]

    def to_maps(self, wires: Tensor) -> Tensor:
        """Turn wires (N, ...) into maps (N, channels, h, w). A vector without such a form is returned as it is."""
        if self.grid is None:
            return wires
        return self.ir.to_maps(wires.reshape(len(wires), *self.ir.shape))
