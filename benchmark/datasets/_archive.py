"""A ``.npz`` file, read array by array and part by part, without opening a pickle."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..utils.files import ZIP_ERRORS

PART_BYTES = 2**26
"""Bytes of an array that are read at a time."""


@dataclass(frozen=True)
class Array:
    """The header of an array in an archive.

    Attributes:
        name: Without the suffix ``.npy``.
        shape: As in the file.
        dtype: As in the file.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Archive:
    """A ``.npz`` file, which is a ZIP archive of ``.npy`` files."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            UsageError: If it is not a ZIP archive, or cannot be read.
        """
        self.path = path
        try:
            if not path.is_file():
                raise UsageError(f"Expected a .npz file, got {path}, which is not a file. Give path=FILE.npz.")
            self._zip = zipfile.ZipFile(path)
        except ZIP_ERRORS as error:
            raise UsageError(f"{path} is not a .npz file ({error}). Write it with numpy.savez_compressed.") from error

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """Names of the arrays."""
        return [name.removesuffix(".npy") for name in self._zip.namelist() if name.endswith(".npy")]

    def header(self, name: str) -> Array:
        """Read shape and type of an array.

        Raises:
            UsageError: If it is damaged, or holds Python objects.
        """
        with self._reading(name) as file:
            return self._header(file, name)

    def parts(self, name: str) -> Iterator[NDArray[Any]]:
        """Read an array in parts along its first dimension.

        Raises:
            UsageError: If it is damaged.
        """
        with self._reading(name) as file:
            array = self._header(file, name)
            row = math.prod(array.shape[1:]) * array.dtype.itemsize
            rows = max(1, PART_BYTES // max(1, row))
            for start in range(0, array.shape[0], rows):
                count = min(rows, array.shape[0] - start)
                content = self._read(file, count * row, name)
                yield np.frombuffer(content, array.dtype).reshape(count, *array.shape[1:])

    def _reading(self, name: str) -> IO[bytes]:
        try:
            return self._zip.open(f"{name}.npy")
        except ZIP_ERRORS as error:
            raise self._damaged(name, error) from error

    def _header(self, file: IO[bytes], name: str) -> Array:
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, by_columns, dtype = read(file)
        except ZIP_ERRORS as error:
            raise self._damaged(name, error) from error
        if min(shape, default=0) < 0:
            raise self._damaged(name, f"its shape is {shape}")
        if dtype.subdtype is not None or not dtype.itemsize:
            raise self._damaged(name, f"its type is {dtype}")
        if dtype.hasobject:
            raise UsageError(
                f"Expected numbers in the array {name} of {self.path}, got Python objects, which are pickles and are "
                "not opened. Save it with a numeric type."
            )
        if by_columns and len(shape) > 1:
            raise UsageError(
                f"Expected the array {name} of {self.path} row by row, got it column by column. Save "
                "numpy.ascontiguousarray of it."
            )
        return Array(name, shape, dtype)

    def _read(self, file: IO[bytes], size: int, name: str) -> bytes:
        try:
            content = file.read(size)
        except ZIP_ERRORS as error:
            raise self._damaged(name, error) from error
        if len(content) != size:
            raise self._damaged(name, "it is cut short")
        return content

    def _damaged(self, name: str, reason: object) -> UsageError:
        return UsageError(f"The array {name} of {self.path} is damaged ({reason}). Write the file again.")
