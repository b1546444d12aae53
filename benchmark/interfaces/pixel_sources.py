"""8-bit images in a file or in an array, read by their positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class PixelSource(Protocol):
    """Define where 8-bit images come from.

    Attributes:
        shape: The shape of all images, (N, C, H, W).
        read: Read the images at positions (K,) int64, as (K, C, H, W) uint8.

    Example:
        >>> source: PixelSource = PixelArray(np.zeros((9, 1, 8, 8), np.uint8))
        >>> source.shape
        (9, 1, 8, 8)
    """

    @property
    def shape(self) -> tuple[int, int, int, int]: ...  # noqa: D102

    @property
    def read(self) -> Callable[[Tensor], Tensor]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class PixelArray:
    """Take 8-bit images from an array in memory, such as one that several processes share.

    Attributes:
        array: Images (N, C, H, W), uint8.

    Example:
        >>> PixelArray(np.zeros((9, 1, 8, 8), np.uint8)).read(torch.tensor([3, 5])).shape
        torch.Size([2, 1, 8, 8])
    """

    array: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of all images, (N, C, H, W)."""
        count, channels, height, width = self.array.shape
        return count, channels, height, width

    def read(self, rows: Tensor) -> Tensor:
        """Read the images at positions (K,) int64, as (K, C, H, W) uint8."""
        return torch.from_numpy(self.array[rows.numpy()])


@dataclass(frozen=True)
class PixelFile:
    """Read 8-bit images from a ``.npy`` file, row by row.

    The file is not mapped into memory, since pages of a mapped file count as memory of the process.

    Attributes:
        path: The path of the file.
        shape: The shape of all images, (N, C, H, W).
        offset: The size of the header in bytes.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/images.npy", np.zeros((9, 1, 8, 8), np.uint8))
        ...     file = PixelFile.open(Path(folder, "images.npy"))
        ...     file.read(torch.tensor([3, 5])).shape
        torch.Size([2, 1, 8, 8])
    """

    path: Path
    shape: tuple[int, int, int, int]
    offset: int

    @staticmethod
    def open(path: Path) -> PixelFile:
        """Read the header of a ``.npy`` file of images (N, C, H, W) uint8.

        Raises:
            ValueError: If the file does not hold such images, or is cut short.
        """
        mapped = np.lib.format.open_memmap(path, mode="r")
        if mapped.ndim != 4 or mapped.dtype != np.uint8 or np.isfortran(mapped):
            raise ValueError(f"Expected images (N, C, H, W) uint8, got {mapped.shape} {mapped.dtype}.")
        count, channels, height, width = mapped.shape
        return PixelFile(path, (count, channels, height, width), mapped.offset)

    def read(self, rows: Tensor) -> Tensor:
        """Read some images.

        Args:
            rows: The positions of the images in the file, (K,) int64.

        Returns:
            Images (K, C, H, W), uint8.

        Raises:
            OSError: If the file is cut short.
        """
        pixels: NDArray[np.uint8] = np.empty((len(rows), *self.shape[1:]), np.uint8)
        size = int(np.prod(self.shape[1:]))
        with self.path.open("rb", buffering=0) as file:
            for place, row in zip(pixels, rows.tolist(), strict=True):
                file.seek(self.offset + row * size)
                if file.readinto(place.data.cast("B")) != size:  # pyright: ignore[reportArgumentType]
                    raise OSError(f"{self.path} is cut short. Delete it and run again.")
        return torch.from_numpy(pixels)
