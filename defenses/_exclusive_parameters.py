"""Two parameters of which exactly one counts."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def settle_alternatives(data: Any, *, default: str, alternative: str) -> Any:
    """Blank the parameter that has a default value where only its alternative was given.

    So the stored parameters say what was really used, and can be read back.

    Args:
        data: what a component was called with.
        default: name of the parameter whose default value counts when neither is given.
        alternative: name of the other one, None by default.
    """
    if isinstance(data, dict) and data.get(alternative) is not None and default not in data:
        return {**data, default: None}
    return data


def require_one(component: BaseModel, first: str, second: str) -> None:
    """Check that exactly one of two parameters has a value.

    Raises:
        ValueError: if both or none have.
    """
    values = {name: getattr(component, name) for name in (first, second)}
    given = [f"{name}={value!r}" for name, value in values.items() if value is not None]
    if len(given) != 1:
        raise ValueError(f"give either {first} or {second}, not {' and '.join(given) or 'none of them'}")
