"""From image files to 8-bit tensors of one shape."""

from __future__ import annotations

import logging
import os
import struct
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base

from ..errors import UsageError

VERSION = 2
"""Raised whenever the same file gives other pixels."""
PART_BYTES = 2**26
"""Bytes of the images that are decoded before they are written to the cache."""
REPORT_SECONDS = 5.0
"""Time between two messages about how far the decoding is."""
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


def decode(paths: Sequence[Path], frame: Frame) -> Iterator[NDArray[np.uint8]]:
    """Decode images, turned as their EXIF data say, cut to their central part and resized.

    Of an animation the first frame is taken. Several threads decode at a time, since Pillow decodes large images
    without Python's lock. What takes longer than ``REPORT_SECONDS`` is logged.

    Args:
        paths: the files.
        frame: what the images are brought to.

    Yields:
        The images in parts, (M, C, H, W) uint8, in the order of ``paths``.

    Raises:
        UsageError: naming the first file that is damaged, too small, too large or no image.
    """
    size = max(1, PART_BYTES // frame.bytes)
    progress = _Progress(len(paths))
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is lower
        warnings.filterwarnings("ignore", "Corrupt EXIF data", UserWarning)
        for start in range(0, len(paths), size):
            part = paths[start : start + size]
            pixels = np.empty((len(part), frame.channels, frame.height, frame.width), np.uint8)
            for index, image in enumerate(threads.map(partial(_decode_one, frame=frame), part)):
                pixels[index] = image
                progress.done(start + index + 1)
            yield pixels


@dataclass(frozen=True)
class Frame:
    """What images are brought to.

    Attributes:
        height: pixels.
        width: pixels.
        channels: 1 for gray, 3 for RGB.
    """

    height: int
    width: int
    channels: int

    @property
    def bytes(self) -> int:
        """Bytes of an image of 8-bit values."""
        return self.height * self.width * self.channels


class _Progress:
    """Logs how many images are decoded, if that takes long."""

    def __init__(self, count: int) -> None:
        self._count, self._start, self._next = count, time.monotonic(), time.monotonic() + REPORT_SECONDS

    def done(self, count: int) -> None:
        now = time.monotonic()
        if now < self._next or count == self._count:
            return
        self._next = now + REPORT_SECONDS
        left = (now - self._start) / count * (self._count - count)
        logging.getLogger(__name__).info(
            "Decoding images: %s of %s (%.0f s left).", f"{count:,}", f"{self._count:,}", left
        )


def _decode_one(path: Path, frame: Frame) -> NDArray[np.uint8]:
    try:
        with Image.open(path, formats=formats()) as image:
            fitted = np.asarray(_fit(path, image, frame))
            return fitted.reshape(frame.height, frame.width, frame.channels).transpose(2, 0, 1)  # (C, H, W)
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


def _fit(path: Path, image: Image.Image, frame: Frame) -> Image.Image:
    if min(image.size) < SMALLEST:
        raise UsageError(f"{path} has {image.width}x{image.height} pixels; images need at least {SMALLEST}x{SMALLEST}")
    if image.width * image.height > MOST_PIXELS:
        raise UsageError(f"{_limit(path)}, got {image.width}x{image.height}; reduce it")
    if image.mode.startswith(_WIDE_MODES):
        raise UsageError(f"{path} has pixels of more than 8 bits (mode {image.mode}); convert it to 8 bits")
    size = (frame.width, frame.height)
    if min(image.size) > 4 * max(size):
        image.draft(None, (2 * max(size), 2 * max(size)))  # a JPEG is decoded at a fraction of its size
    if _orientation(image) != 1:
        ImageOps.exif_transpose(image, in_place=True)
    if image.has_transparency_data:
        image = image.convert("RGBA")
    image = image.convert("RGB" if frame.channels == 3 else "L")
    if image.size == size:
        return image
    return ImageOps.fit(image, size, method=Image.Resampling.BICUBIC)


def _orientation(image: Image.Image) -> int:
    """The orientation by the EXIF data; 1, which is upright, where these are damaged and the pixels need not be."""
    try:
        return image.getexif().get(Base.Orientation, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error):
        return 1
