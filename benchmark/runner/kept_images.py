"""Reconstructions on disk, as 16-bit values."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UsageError
from ..utils.atomic_files import write_atomically
from ..utils.files import ZIP_ERRORS

WHITE = 2**16 - 1
"""The 16-bit value of a white pixel."""


def as_16_bits(images: Tensor) -> NDArray[np.uint16]:
    """Round reconstructions (N, C, H, W) in [0, 1] to 16-bit values."""
    return np.rint(images.detach().cpu().numpy() * WHITE).astype(np.uint16)


def write_images(path: Path, images: NDArray[np.uint16]) -> None:
    """Write reconstructions as a NumPy archive, atomically."""
    content = BytesIO()
    np.savez_compressed(content, reconstructions=images)
    write_atomically(path, content.getvalue())


def read_images(path: Path) -> NDArray[np.float32]:
    """Read reconstructions, (N, C, H, W) float32 in [0, 1].

    Raises:
        UsageError: If the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return archive["reconstructions"].astype(np.float32) / np.float32(WHITE)
    except (*ZIP_ERRORS, KeyError, TypeError) as error:
        raise UsageError(f"Expected reconstructions in {path}, got a damaged file. Delete it.") from error
