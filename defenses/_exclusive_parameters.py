"""Pairs of parameters that exclude each other."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def settle_alternatives(data: Any, *, default: str, alternative: str) -> Any:
    """Set the parameter ``default`` to None if only its alternative was given.

    The stored parameters then describe what was used, and can be read again.

    Args:
        data: Input of a component before validation.
        default: Name of the parameter whose default value applies if neither is given.
        alternative: Name of the other parameter, whose default is None.
    """
    if isinstance(data, dict) and data.get(alternative) is not None and default not in data:
        return {**data, default: None}
    return data


def require_one(component: BaseModel, first: str, second: str) -> None:
    """Check that exactly one of two parameters has a value.

    Raises:
        ValueError: If both or neither have a value.
    """
    values = {name: getattr(component, name) for name in (first, second)}
    given = [f"{name}={value!r}" for name, value in values.items() if value is not None]
    if len(given) != 1:
        mend = "Leave one of them out." if given else "Give one of them."
        raise ValueError(f"Expected either {first} or {second}, got {' and '.join(given) or 'neither'}. {mend}")
