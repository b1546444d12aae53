"""Images that are given one by one in Python: lists and generators of arrays, PIL images, and pairs with labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PIL import Image

from ..interfaces.images import MAX_CHANNELS


def one_set(value: Any) -> Any:
    """Return images that are given one by one as a list, and a pair of these and labels as a tuple.

    Anything else is returned as it is, such as a list of datasets.

    Example:
        >>> import numpy
        >>> images = (numpy.zeros((3, 8, 8)) for _ in range(2))
        >>> len(one_set(images)), one_set(["mnist", "photos"])
        (2, ['mnist', 'photos'])
    """
    if isinstance(value, Iterator):
        value = list(value)
    if isinstance(value, tuple) and len(value) == 2:
        first = list(value[0]) if isinstance(value[0], Iterator | list | tuple) else value[0]
        return (first, value[1])
    return value


def is_one_set(value: Any) -> bool:
    """Return whether a list holds images, pairs of an image and a label, or numbers, rather than datasets."""
    if not isinstance(value, list) or not value:
        return False
    first = value[0][0] if isinstance(value[0], tuple) and len(value[0]) == 2 else value[0]
    return _is_image(first) or _is_number_list(first)


def _is_image(value: Any) -> bool:
    if isinstance(value, Image.Image):
        return True
    shape = getattr(value, "shape", None) if hasattr(value, "__array__") else None
    if shape is None:
        return False
    return len(shape) == 2 or (len(shape) == 3 and min(shape[0], shape[2]) <= MAX_CHANNELS)


def _is_number_list(value: Any) -> bool:
    """Return whether a value is a nested list of numbers."""
    depth = 0
    while isinstance(value, list) and value:
        value, depth = value[0], depth + 1
    return depth > 1 and isinstance(value, int | float)
