"""Lists that may be written as one text with commas: the same for the command line, TOML and Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set, ValuesView
from typing import Any

from ..errors import UsageError
from ..registry.literals import Text, divide_specs, split_at_commas
from ..utils.texts import quoted
from .image_lists import is_one_set, one_set

DIGITS = {"float32": 7, "float16": 3, "bfloat16": 3}
"""Decimal digits that numbers of a short type keep."""


def list_specs(value: Any) -> Any:
    """Return the components that a value lists: one, several, or texts with commas between names.

    Arrays, lists of images, and pairs of these and labels are one component. Anything else is returned as it is, for
    validation to refuse.

    Example:
        >>> list_specs("dp_ir:sigma=0.1,delta=1e-6,dropout")
        ['dp_ir:sigma=0.1,delta=1e-6', 'dropout']
    """
    found = []
    for each in _components(value):
        found += divide_specs(each) if isinstance(each, str) else [each]
    return found


def _components(value: Any) -> list[Any]:
    """Return the values that a list, tuple, set or generator holds. Objects that have values themselves are one."""
    value = one_set(value)
    is_pair = isinstance(value, tuple) and len(value) == 2 and (hasattr(value[0], "__array__") or is_one_set(value[0]))
    if is_one_set(value):
        return [value]
    if isinstance(value, list | tuple | set | frozenset | Iterator | ValuesView) and not is_pair:
        return sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
    return [value]


def list_names(value: Any) -> Any:
    """Return the names that a value lists, such as splits.

    Example:
        >>> list_names(["relu1", "relu2,fc1"])
        ['relu1', 'relu2', 'fc1']
    """
    found = []
    for each in _several(value):
        found += [part.strip() for part in each.split(",")] if isinstance(each, str) else [each]
    return found


def list_seeds(value: Any) -> list[Any]:
    """Return the seeds that a value lists, with numbers in texts as integers.

    Example:
        >>> list_seeds("0,1")
        [0, 1]

    Raises:
        UsageError: If a text is not a whole number.
    """
    return [_whole(each) if isinstance(each, str) else each for each in list_names(value)]


def list_values(value: Any) -> list[Any]:
    """Return the values of a sweep: a text is divided at its commas, a list is taken as it is.

    Example:
        >>> list_values("0.1,0.5"), list_values([0.1, 0.5]), list_values("pool2")
        (['0.1', '0.5'], [0.1, 0.5], ['pool2'])
    """
    parts = split_at_commas(value) if isinstance(value, str) else []
    return [Text(part) for part in parts] if len(parts) > 1 else _several(value)


def plain(value: Any) -> Any:
    """Return numbers of NumPy, pandas and torch as Python's, and arrays of one axis as lists. Others stay as they are.

    A float of fewer bits becomes the number that it is written as: ``numpy.float32(0.1)`` becomes 0.1.

    Example:
        >>> import numpy
        >>> plain(numpy.float32(0.1)), plain(numpy.arange(3)), plain("0.1")
        (0.1, [0, 1, 2], '0.1')
    """
    if not callable(getattr(value, "tolist", None)) or getattr(value, "ndim", 0) > 1:
        return value
    listed = value.tolist()
    kind = str(getattr(value, "dtype", "")).rpartition(".")[2]
    return _shortest(listed, DIGITS[kind]) if kind in DIGITS else listed


def _shortest(value: Any, digits: int) -> Any:
    if isinstance(value, list):
        return [_shortest(each, digits) for each in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def _several(value: Any) -> list[Any]:
    """Return the values that a list, tuple, range, set, array or generator holds; others are one value."""
    value = plain(value)
    if isinstance(value, str | bytes | Mapping):
        return [value]
    if isinstance(value, Set):
        return sorted(
            value, key=lambda each: (isinstance(each, str), each) if isinstance(each, str | int | float) else str(each)
        )
    if isinstance(value, Sequence | Iterator | ValuesView):
        return [plain(each) for each in value]
    return [value]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise UsageError(
            f"Expected whole numbers for the seeds, got {quoted(text)}. Write them with commas, as in 0,1,2."
        ) from error
