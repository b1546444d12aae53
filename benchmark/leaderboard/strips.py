"""Decode strips of images, which may come from strangers."""

from __future__ import annotations

import warnings
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from ..errors import UsageError
from ..utils.files import Unreadable
from ..utils.texts import quoted
from .results_folder import MAX_STRIP_ROWS, STRIP_IMAGES

FRAME_PIXELS = 2
"""Width of the white frame around each image of a strip."""
LEAST_SIDE = 2 * FRAME_PIXELS + 1
"""Pixels of the sides of an image of one pixel in its frame."""
LEAST_HEIGHT = MAX_STRIP_ROWS * LEAST_SIDE
"""The height of the lowest strip. One that a run draws is higher, since small images are enlarged."""
MAX_STRIP_PIXELS = MAX_STRIP_ROWS * STRIP_IMAGES * (1024 + 2 * FRAME_PIXELS) ** 2
"""Pixels of the largest strip: three rows of ten images of 1024x1024, each with a frame."""


def decoded_strip(content: bytes) -> Image.Image:
    """Decode a strip in RGB, with its text in ``info``, once its size is known to be that of a strip.

    Raises:
        Unreadable: If the content is not a PNG, is damaged, or is too small or too large.
    """
    try:
        with (
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(BytesIO(content), formats=["PNG"]) as strip,
        ):
            _require_size(*strip.size)
            return strip.convert("RGB")
    except Unreadable:
        raise
    except Exception as error:  # Pillow raises many kinds of errors on damaged files
        if isinstance(error, UnidentifiedImageError):
            reason = "It is not a PNG."
        elif isinstance(error, Image.DecompressionBombError):
            reason = f"Expected at most {MAX_STRIP_PIXELS:,} pixels, got more."
        else:
            reason = f"It is damaged ({error})."
        raise Unreadable(reason, "Write it again.") from error


def _require_size(width: int, height: int) -> None:
    if width * height > MAX_STRIP_PIXELS:
        raise Unreadable(f"Expected at most {MAX_STRIP_PIXELS:,} pixels, got {width:,} x {height:,}.", "Shrink it.")
    if width < LEAST_SIDE or height < LEAST_HEIGHT:
        raise Unreadable(
            f"Expected at least {LEAST_SIDE} x {LEAST_HEIGHT} pixels, got {width} x {height}.", "Draw it again."
        )


def check_strip(name: str, content: bytes, remedy: str) -> None:
    """Check that the content of a file can be shown as a strip.

    Args:
        name: The file, for messages.
        content: Its bytes.
        remedy: What to do if it cannot.

    Raises:
        UsageError: If it cannot.
    """
    try:
        decoded_strip(content)
    except Unreadable as error:
        raise UsageError(f"Expected a PNG image as {quoted(name)}. {error.reason} {remedy}") from error
