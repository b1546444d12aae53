"""From image files to 8-bit tensors of one shape."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base
from torch import Tensor

from ..errors import UsageError

VERSION = 2
"""Raised whenever the same file gives other pixels."""
SMALLEST = 8
"""Pixels a side below which a file is taken for a mistake."""
MOST_PIXELS = 64_000_000
"""Pixels of an image at most, 256 MB as RGBA: those of large cameras fit, and a small file can claim far more."""
NOT_PICTURES = frozenset({"EPS", "WMF", "MPEG", "BUFR", "GRIB", "HDF5"})
"""Formats that Pillow recognizes but cannot decode itself; for EPS it would run an interpreter on the file."""
_WIDE_MODES = ("I", "F")
"""Beginnings of Pillow's names for pixels of more than 8 bits, which its conversion to RGB would cut off at 255."""


@cache
def formats() -> tuple[str, ...]:
    """The formats that are read, the usual ones first, since Pillow tries one after the other."""
    Image.init()
    return tuple(sorted(set(Image.OPEN) - NOT_PICTURES, key=lambda name: (name not in ("JPEG", "PNG"), name)))


@cache
def suffixes() -> frozenset[str]:
    """The suffixes of image files, in lower case and with their dot."""
    known = set(formats())
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in known)


def decode(paths: Sequence[Path], *, size: int, channels: int) -> Tensor:
    """Decode images, turned as their EXIF data say, cut to their central square and resized to ``size`` pixels a side.

    Of an animation the first frame is taken. One thread: on 32x32 JPEGs the time goes into Python code, and a second
    thread was measured not to help.

    Returns:
        (N, channels, size, size) uint8.

    Raises:
        UsageError: naming the first file that is damaged, too small, too large or no image.
    """
    pixels = np.empty((len(paths), channels, size, size), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is lower
        warnings.filterwarnings("ignore", "Corrupt EXIF data", UserWarning)
        for index, path in enumerate(paths):
            pixels[index] = _decode_one(path, size, channels)
    return torch.from_numpy(pixels)


def _decode_one(path: Path, size: int, channels: int) -> NDArray[np.uint8]:
    try:
        with Image.open(path, formats=formats()) as image:
            square = _square(path, image, size, "RGB" if channels == 3 else "L")
            return np.asarray(square).reshape(size, size, channels).transpose(2, 0, 1)  # (C, H, W)
    except UsageError:
        raise
    except UnidentifiedImageError as error:
        raise UsageError(f"{path} is no image that can be read; remove it or replace it") from error
    except Image.DecompressionBombError as error:
        raise UsageError(f"{_limit(path)}, got more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,}; reduce it") from error
    except Exception as error:  # a damaged file makes decoders raise anything
        if isinstance(error, OSError) and error.errno is not None:
            raise UsageError(f"cannot read the image {path}: {error.strerror}") from error
        raise UsageError(f"the image {path} is damaged ({error}); remove it or replace it") from error


def _limit(path: Path) -> str:
    return f"Expected {path} to have at most {MOST_PIXELS:,} pixels"


def _square(path: Path, image: Image.Image, size: int, mode: str) -> Image.Image:
    if min(image.size) < SMALLEST:
        raise UsageError(f"{path} has {image.width}x{image.height} pixels; images need at least {SMALLEST}x{SMALLEST}")
    if image.width * image.height > MOST_PIXELS:
        raise UsageError(f"{_limit(path)}, got {image.width}x{image.height}; reduce it")
    if image.mode.startswith(_WIDE_MODES):
        raise UsageError(f"{path} has pixels of more than 8 bits (mode {image.mode}); convert it to 8 bits")
    if min(image.size) > 4 * size:
        image.draft(None, (2 * size, 2 * size))  # a JPEG is decoded at a fraction of its size
    if _orientation(image) != 1:
        ImageOps.exif_transpose(image, in_place=True)
    if image.has_transparency_data:
        image = image.convert("RGBA")
    image = image.convert(mode)
    if image.size == (size, size):
        return image
    return ImageOps.fit(image, (size, size), method=Image.Resampling.BICUBIC)


def _orientation(image: Image.Image) -> int:
    """The orientation by the EXIF data; 1, which is upright, where these are damaged and the pixels need not be."""
    try:
        return image.getexif().get(Base.Orientation, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error):
        return 1
