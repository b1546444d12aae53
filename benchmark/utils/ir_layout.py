"""Where the numbers of an intermediate representation (IR) lie on the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["maps", "flat_maps", "channels_last", "tokens", "vector"]

MAX_EXTRA_TOKENS = 8
"""Tokens before the first patch, at most: a class token, a distillation token, registers."""
CLEAR_MISFIT = 0.1
"""Logarithm of a ratio of sides above which two axes are not taken for the height and width of the image."""


@dataclass(frozen=True)
class IrLayout:
    """How one IR of a given shape is laid out, and its form as maps (C, h, w).

    ``maps`` are (C, h, w), ``flat_maps`` (C, h * w), and ``channels_last`` (h, w, C), as in Swin Transformers and
    ConvNeXt. ``tokens`` are (T, D), the patches of the image row by row, perhaps after some tokens for the whole image,
    such as the class token. Everything else is a ``vector``. The kind is found by comparing the shape with that of the
    image. A few shapes have two readings, such as (256, 1024); then tokens are preferred.

    Attributes:
        kind: The kind.
        shape: Of one IR.
        rows: Cells down; 0 for a vector.
        columns: Cells across; 0 for a vector.
        extra: Tokens before the first patch.

    Example:
        >>> IrLayout.of((197, 768), image=(3, 224, 224)).maps
        (1536, 14, 14)
        >>> IrLayout.of((56, 56, 96), image=(3, 224, 224)).maps
        (96, 56, 56)
    """

    kind: Kind
    shape: tuple[int, ...]
    rows: int = 0
    columns: int = 0
    extra: int = 0

    @classmethod
    def of(cls, shape: Sequence[int], *, image: Sequence[int]) -> IrLayout:
        """Find the layout of an IR of a shape (...) that comes from images (C, H, W)."""
        shape, (height, width) = tuple(shape), image[-2:]
        if len(shape) == 3:
            first, last = _misfit(shape[1:], (height, width)), _misfit(shape[:2], (height, width))
            if first > CLEAR_MISFIT and last < first / 2 and shape[0] <= height and shape[1] <= width:
                return cls("channels_last", shape, *shape[:2])
            return cls("maps", shape, *shape[1:])
        return cls._of_matrix(shape, height, width) if len(shape) == 2 else cls("vector", shape)

    @classmethod
    def _of_matrix(cls, shape: tuple[int, ...], height: int, width: int) -> IrLayout:
        """Find the layout of an IR with two axes."""
        for extra in range(min(MAX_EXTRA_TOKENS, shape[0] // 2) + 1):
            if cells := _cells(shape[0] - extra, height, width):
                return cls("tokens", shape, *cells, extra)
            if extra == 1 and (cells := _cells(shape[1], height, width)):  # after the class token, which is common
                return cls("flat_maps", shape, *cells)
        return cls("vector", shape)

    @property
    def spatial(self) -> bool:
        """Whether the IR has a form as maps."""
        return self.kind != "vector"

    @property
    def maps(self) -> tuple[int, int, int]:
        """The shape (C, h, w) of the IR as maps.

        Raises:
            ValueError: If it is a vector.
        """
        if not self.spatial:
            raise ValueError(f"Expected a spatial IR, got a vector of shape {self.shape}.")
        channels = self.shape[0 if self.kind in ("maps", "flat_maps") else -1]
        return channels * (1 + self.extra), self.rows, self.columns

    @property
    def channel_axis(self) -> int:
        """The axis of the channels in a batch (N, ...); that of the numbers for a vector."""
        return len(self.shape) if self.kind in ("tokens", "channels_last") else 1

    def to_maps(self, values: Tensor) -> Tensor:
        """Turn values (N, ...) into maps (N, C, h, w). Tokens for the whole image become channels that are constant.

        A vector is returned as it is.
        """
        if self.kind == "channels_last":
            return values.permute(0, 3, 1, 2)
        if self.kind == "flat_maps":
            return values.unflatten(2, (self.rows, self.columns))
        if self.kind != "tokens":
            return values
        patches = values[:, self.extra :].unflatten(1, (self.rows, self.columns)).permute(0, 3, 1, 2)
        if not self.extra:
            return patches
        whole = values[:, : self.extra].flatten(1)[:, :, None, None].expand(-1, -1, self.rows, self.columns)
        return torch.cat([patches, whole], 1)

    def from_maps(self, maps: Tensor) -> Tensor:
        """Undo ``to_maps``: turn maps (N, C, h, w) into values (N, ...). Constant channels are averaged."""
        if self.kind == "channels_last":
            return maps.permute(0, 2, 3, 1)
        if self.kind == "flat_maps":
            return maps.flatten(2)
        if self.kind != "tokens":
            return maps
        patches = maps[:, : self.shape[1]].flatten(2).mT  # (N, T - extra, D)
        if not self.extra:
            return patches
        whole = maps[:, self.shape[1] :].mean((2, 3)).unflatten(1, (self.extra, self.shape[1]))
        return torch.cat([whole, patches], 1)


def _misfit(cells: Sequence[int], pixels: tuple[int, int]) -> float:
    """Return how far two axes are from the ratio of height and width of the image."""
    return abs(math.log(cells[0] / cells[1]) - math.log(pixels[0] / pixels[1]))


def _cells(count: int, height: int, width: int) -> tuple[int, int] | None:
    """Return rows and columns of square patches that cover the image, if ``count`` of them do."""
    rows = round(math.sqrt(count * height / width))
    if rows < 1 or count % rows:
        return None
    columns = count // rows
    if height % rows or width % columns or height // rows != width // columns:
        return None
    return rows, columns
