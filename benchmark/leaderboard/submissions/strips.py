"""The strips of images of a submission."""

from __future__ import annotations

import io
import warnings

from PIL import Image

from ...errors import UsageError
from ...utils.texts import quoted
from ..results_folder import MAX_STRIP_ROWS, STRIP_IMAGES

MAX_STRIP_PIXELS = MAX_STRIP_ROWS * STRIP_IMAGES * (1024 + 4) ** 2
"""Pixels of the largest strip: three rows of ten images of 1024x1024, each with a margin."""


def check_strip(name: str, content: bytes, remedy: str) -> None:
    """Check that the content of a file is a PNG image that is not too large.

    Args:
        name: The file, for messages.
        content: Its bytes.
        remedy: What to do if it is not.

    Raises:
        UsageError: If it is not.
    """
    try:
        with (
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(io.BytesIO(content), formats=["PNG"]) as image,
        ):
            width, height = image.size
            image.verify()
    except Exception as error:  # Pillow raises many kinds of errors on damaged files
        fault = "an image that is too large" if isinstance(error, Image.DecompressionBombError) else "a damaged file"
        raise UsageError(f"Expected a PNG image as {quoted(name)}, got {fault}. {remedy}") from error
    if width * height > MAX_STRIP_PIXELS:
        raise UsageError(
            f"Expected a strip of at most {MAX_STRIP_PIXELS:,} pixels as {quoted(name)}, got {width:,} x {height:,}. "
            f"{remedy}"
        )
