"""Photographs that are installed with scikit-image."""

from __future__ import annotations

from importlib.resources import files

from PIL import Image

from ..errors import UsageError


def read_photograph(file: str) -> Image.Image:
    """Read a photograph as RGB.

    Args:
        file: The name of the file in scikit-image's folder of data.

    Raises:
        UsageError: If the photograph is missing from the installation of scikit-image.
    """
    path = files("skimage") / "data" / file
    try:
        with path.open("rb") as content, Image.open(content) as image:
            return image.convert("RGB")
    except OSError as error:
        raise UsageError(
            f"Cannot read the photograph {path} of scikit-image ({error}). Reinstall scikit-image."
        ) from error
