"""Lists that may be written as one text with commas: the same for the command line, TOML and Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import UsageError
from ..registry.literals import Text, divide, divide_specs
from ..utils.texts import quoted

Spec = str | Mapping[str, Any]
"""A component: ``dp_ir:sigma=0.1``, or a mapping with ``name`` and parameters."""


def list_specs(value: Any) -> Any:
    """Return the components that a value lists: one, several, or texts with commas between names.

    Anything else is returned as it is, for validation to refuse.

    Example:
        >>> list_specs("dp_ir:sigma=0.1,delta=1e-6,dropout")
        ['dp_ir:sigma=0.1,delta=1e-6', 'dropout']
    """
    found = []
    for each in _several(value):
        found += divide_specs(each) if isinstance(each, str) else [each]
    return found


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
        UsageError: if a text is not a whole number.
    """
    return [_whole(each) if isinstance(each, str) else each for each in list_names(value)]


def list_values(value: Any) -> list[Any]:
    """Return the values of a sweep: a text is divided at its commas, a list is taken as it is.

    Example:
        >>> list_values("0.1,0.5"), list_values([0.1, 0.5]), list_values("pool2")
        (['0.1', '0.5'], [0.1, 0.5], ['pool2'])
    """
    parts = divide(value) if isinstance(value, str) else []
    return [Text(part) for part in parts] if len(parts) > 1 else _several(value)


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise UsageError(
            f"Expected whole numbers for the seeds, got {quoted(text)}. Write them with commas, as in 0,1,2."
        ) from error
