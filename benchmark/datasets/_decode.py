"""Decoding of image files into 8-bit tensors of one shape."""

from __future__ import annotations

import logging
import os
import struct
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
from ..utils.counting import counted

DECODER_VERSION = 2
"""Raised whenever the same file gives other pixels, so that cached images are decoded again."""
MAX_PART_BYTES = 2**26
"""Bytes of images that are decoded before they are written to the cache."""
MIN_SIDE_PIXELS = 8
"""Pixels a side below which an image is taken for a mistake."""
MAX_IMAGE_PIXELS = 64_000_000
"""Most pixels of an image, 256 MB as RGBA. Images of large cameras fit; a small file can claim far more."""
UNSUPPORTED_FORMATS = frozenset({"EPS", "WMF", "MPEG", "BUFR", "GRIB", "HDF5"})
"""Formats that Pillow recognizes but cannot decode itself. For EPS it would run an interpreter on the file."""
WIDE_MODES = ("I", "F")
"""Prefixes of Pillow's modes with more than 8 bits per pixel. Its conversion to RGB would clip those at 255."""


@cache
def formats() -> tuple[str, ...]:
    """Return the formats that are read, JPEG and PNG first, since Pillow tries them in this order."""
    Image.init()
    return tuple(sorted(set(Image.OPEN) - UNSUPPORTED_FORMATS, key=lambda name: (name not in ("JPEG", "PNG"), name)))


@cache
def suffixes() -> frozenset[str]:
    """Return the suffixes of image files, in lower case and with the dot."""
    known = set(formats())
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in known)


def decode(paths: Sequence[Path], frame: Frame) -> Iterator[NDArray[np.uint8]]:
    """Decode image files to one shape.

    Images are rotated as their EXIF data say, cropped to their central part and resized. Of an animation, only the
    first frame is decoded. Several threads decode in parallel, since Pillow decodes large images without Python's lock.
    A bar on a terminal, or a message every few seconds elsewhere, tells how far it is.

    Args:
        paths: Files to decode.
        frame: Shape of the decoded images.

    Yields:
        The images in parts, (M, C, H, W) uint8, in the order of ``paths``.

    Raises:
        UsageError: If a file is damaged, too small, too large or not an image. The message names the first such file.
    """
    size = max(1, MAX_PART_BYTES // frame.bytes)
    shown = counted(len(paths), "Decoding images", logging.getLogger(__name__))
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads, warnings.catch_warnings(), shown as progress:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is lower
        warnings.filterwarnings("ignore", "Corrupt EXIF data", UserWarning)
        for start in range(0, len(paths), size):
            part = paths[start : start + size]
            pixels = np.empty((len(part), frame.channels, frame.height, frame.width), np.uint8)
            for index, image in enumerate(threads.map(partial(_decode_one, frame=frame), part)):
                pixels[index] = image
                progress(start + index + 1)
            yield pixels


@dataclass(frozen=True)
class Frame:
    """The shape of decoded images.

    Attributes:
        height: Height in pixels.
        width: Width in pixels.
        channels: 1 for gray, 3 for RGB.
    """

    height: int
    width: int
    channels: int

    @property
    def bytes(self) -> int:
        """Bytes of one decoded image."""
        return self.height * self.width * self.channels


def _decode_one(path: Path, frame: Frame) -> NDArray[np.uint8]:
    try:
        with Image.open(path, formats=formats()) as image:
            fitted = np.asarray(_fit(path, image, frame))
            return fitted.reshape(frame.height, frame.width, frame.channels).transpose(2, 0, 1)  # (C, H, W)
    except UsageError:
        raise
    except UnidentifiedImageError as error:
        raise UsageError(f"Expected an image, got {path}, which cannot be decoded. Remove or replace it.") from error
    except Image.DecompressionBombError as error:
        raise UsageError(f"{_limit(path)}, got more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,}. Shrink it.") from error
    except Exception as error:  # a damaged file makes decoders raise anything
        if isinstance(error, OSError) and error.errno is not None:
            raise UsageError(
                f"Cannot read the image {path}: {error.strerror}. Check the file, or remove it."
            ) from error
        raise UsageError(f"The image {path} is damaged ({error}). Remove or replace it.") from error


def _limit(path: Path) -> str:
    return f"Expected {path} to have at most {MAX_IMAGE_PIXELS:,} pixels"


def _fit(path: Path, image: Image.Image, frame: Frame) -> Image.Image:
    if min(image.size) < MIN_SIDE_PIXELS:
        raise UsageError(
            f"Expected {path} to have at least {MIN_SIDE_PIXELS}x{MIN_SIDE_PIXELS} pixels, "
            f"got {image.width}x{image.height}. Remove or replace it."
        )
    if image.width * image.height > MAX_IMAGE_PIXELS:
        raise UsageError(f"{_limit(path)}, got {image.width}x{image.height}. Shrink it.")
    if image.mode.startswith(WIDE_MODES):
        raise UsageError(f"Expected {path} to have 8 bits per channel, got mode {image.mode}. Convert it to 8 bits.")
    size = (frame.width, frame.height)
    if min(image.size) > 4 * max(size):
        image.draft(None, (2 * max(size), 2 * max(size)))  # A JPEG is decoded at a fraction of its size.
    if _orientation(image) != 1:
        ImageOps.exif_transpose(image, in_place=True)
    if image.has_transparency_data:
        image = image.convert("RGBA")
    image = image.convert("RGB" if frame.channels == 3 else "L")
    if image.size == size:
        return image
    return ImageOps.fit(image, size, method=Image.Resampling.BICUBIC)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, or 1 (upright) if the EXIF data are damaged, since the pixels may be intact."""
    try:
        return image.getexif().get(Base.Orientation, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error):
        return 1
