"""From image files to 8-bit tensors of one shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..errors import UsageError

VERSION = 1
"""Raised whenever the same file gives other pixels."""
SMALLEST = 8
"""Pixels a side below which a file is taken for a mistake."""
_WIDE_MODES = ("I", "F")
"""Beginnings of Pillow's names for pixels of more than 8 bits, which its conversion to RGB would cut off at 255."""


def decode(paths: Sequence[Path], *, size: int, channels: int) -> Tensor:
    """Decode images, cut to their central square and resized to ``size`` pixels a side.

    One thread: on 32x32 JPEGs the time goes into Python code, and a second thread was measured not to help.

    Returns:
        (N, channels, size, size) uint8.

    Raises:
        UsageError: naming the first file that is damaged, too small or no image.
    """
    pixels = np.empty((len(paths), channels, size, size), np.uint8)
    for index, path in enumerate(paths):
        pixels[index] = _decode_one(path, size, channels)
    return torch.from_numpy(pixels)


def _decode_one(path: Path, size: int, channels: int) -> NDArray[np.uint8]:
    if path.is_dir():
        raise UsageError(f"{path} is a folder; a class folder holds images only")
    try:
        with Image.open(path) as image:
            square = _square(path, image, size, "RGB" if channels == 3 else "L")
            return np.asarray(square).reshape(size, size, channels).transpose(2, 0, 1)  # (C, H, W)
    except UnidentifiedImageError as error:
        raise UsageError(f"{path} is no image that can be read; remove it or replace it") from error
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise UsageError(f"the image {path} is damaged ({error}); remove it or replace it") from error


def _square(path: Path, image: Image.Image, size: int, mode: str) -> Image.Image:
    if min(image.size) < SMALLEST:
        raise UsageError(f"{path} has {image.width}x{image.height} pixels; images need at least {SMALLEST}x{SMALLEST}")
    if image.mode.startswith(_WIDE_MODES):
        raise UsageError(f"{path} has pixels of more than 8 bits (mode {image.mode}); convert it to 8 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
    image = image.convert(mode)
    if image.size == (size, size):
        return image
    return ImageOps.fit(image, (size, size), method=Image.Resampling.BICUBIC)
