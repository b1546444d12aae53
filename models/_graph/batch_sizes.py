"""Plain values of a graph, such as sizes, written in terms of the number of images, so that any batch can be given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from .conditions import BATCHES


def follows_the_batch(values: Sequence[Any]) -> bool:
    """Tell whether a value is constant or a multiple of the number of images, or consists of such values.

    Args:
        values: The value for each of ``BATCHES``.

    Example:
        >>> follows_the_batch([(2, 64, 7, 7), (3, 64, 7, 7)]), follows_the_batch([4, 9])
        (True, False)
    """
    try:
        express(values, lambda factor: factor, lambda: None)
    except ValueError:
        return False
    return True


def express(values: Sequence[Any], batch: Callable[[int], Any], device: Callable[[], Any]) -> Any:
    """Write a value so that it holds for any number of images, on any device.

    Args:
        values: The value for each of ``BATCHES``.
        batch: Gives what stands for a multiple of the number of images.
        device: Gives what stands for the device.

    Raises:
        ValueError: If it depends on the number of images in another way.
    """
    first = values[0]
    if isinstance(first, torch.device):
        return device()
    if _alike(values):
        parts = [express(each, batch, device) for each in zip(*values, strict=True)]
        return parts if isinstance(first, list) else tuple(parts)
    if isinstance(first, slice):
        return slice(*(express(each, batch, device) for each in zip(*map(_ends, values), strict=True)))
    if all(type(each) is type(first) and each == first for each in values):
        return first
    factor = _factor(values)
    if factor is None:
        raise ValueError(f"Expected values that follow from the number of images, got {values}.")
    return batch(factor)


def _alike(values: Sequence[Any]) -> bool:
    """Tell whether all values are tuples, or lists, of one length."""
    first = values[0]
    return isinstance(first, tuple | list) and all(
        isinstance(each, type(first)) and len(each) == len(first) for each in values
    )


def _ends(value: slice) -> tuple[Any, Any, Any]:
    return value.start, value.stop, value.step


def _factor(values: Sequence[Any]) -> int | None:
    if not all(type(each) is int for each in values) or values[0] % BATCHES[0]:
        return None
    factor = values[0] // BATCHES[0]
    return factor if all(each == factor * size for each, size in zip(values, BATCHES, strict=True)) else None
