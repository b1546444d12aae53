"""Decoded images of a dataset in the cache: read into memory if they are few, and from disk batch by batch if not."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UsageError, reason_of
from ..interfaces.stored_images import StoredImages
from ..utils.atomic_files import atomic_file
from ..utils.cache import cache_path, usable_cache
from ..utils.file_locks import locked
from ..utils.plurals import count_of

MAX_FLOAT_BYTES = 2**30
"""Bytes that the images of one split take as floats, at most, to be kept in memory: those of CIFAR-10 take 0.6 GiB."""

Pixels = NDArray[np.uint8]


def cached_pixels(identity: Any, shape: tuple[int, int, int, int], parts: Callable[[], Iterable[Pixels]]) -> Tensor:
    """Return 8-bit images from the cache, or make and keep them.

    The file is a ``.npy`` file. What it holds is part of the fingerprint of the dataset, so that a file which was
    changed gives other cells.

    Args:
        identity: JSON-serializable description of what the images follow from.
        shape: (N, C, H, W).
        parts: Makes the images if they are not in the cache, each part (M, C, H, W), together ``shape``.

    Returns:
        (N, C, H, W) uint8, or ``StoredImages`` of this shape if their floats would exceed ``MAX_FLOAT_BYTES``.

    Raises:
        UsageError: If the cache cannot be written or is full, or the cached file is damaged.
    """
    path = cache_path("datasets", identity).with_suffix(".npy")
    with usable_cache(path):
        if not path.exists():
            _make(path, shape, parts)
        try:
            stored = StoredImages.open(path)
        except ValueError as error:
            raise UsageError(f"The cached file {path} is damaged ({error}). Delete it and run again.") from error
        if tuple(stored.shape) != shape:
            raise UsageError(f"Expected images {shape} in {path}, got {tuple(stored.shape)}. Delete it and run again.")
        return stored if 4 * stored.numel() > MAX_FLOAT_BYTES else stored.pixels()


def _make(path: Path, shape: tuple[int, ...], parts: Callable[[], Iterable[Pixels]]) -> None:
    """Write the file, unless another process does so in the meantime."""
    with locked(path):
        if not path.exists():
            _require_space(path.parent, math.prod(shape))
            _write(path, shape, _made(parts))


def _made(parts: Callable[[], Iterable[Pixels]]) -> Iterator[Pixels]:
    """Yield the parts. An error of the file system that reading them raises is not one of the cache.

    Raises:
        UsageError: If they cannot be read.
    """
    try:
        yield from parts()
    except OSError as error:
        raise UsageError(
            f"Cannot read the images: {reason_of(error)}. Check their files, the permissions and the disk."
        ) from error


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(
            f"The decoded images take {needed / 2**30:.1f} GiB, but the cache {folder} has {free / 2**30:.1f} GiB of "
            "free space. Set MIA_BENCH_CACHE to a folder on a larger disk, or read fewer or smaller images."
        )


def _write(path: Path, shape: tuple[int, ...], parts: Iterable[Pixels]) -> None:
    """Write the parts as one ``.npy`` file, without holding all of them in memory."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
    with atomic_file(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        written = 0
        for part in parts:
            file.write(np.ascontiguousarray(part, np.uint8).data)
            written += len(part)
        if written != shape[0]:
            raise ValueError(f"Expected {count_of(shape[0], 'image')}, got {written}.")
