"""The parameters of a component in a record, which must restore the component."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from ..errors import UsageError, describe
from ..interfaces import Component
from ..utils.object_content import content_of
from ..utils.texts import shorten

SHOWN = 200
"""Characters of the parameters that an error shows."""


def require_restorable(component: Component) -> None:
    """Raise if the parameters of a component in a record do not restore it, as two settings would then share a cell.

    A component that holds a Python object is not restored by its parameters, which hold the hash of the object.

    Raises:
        UsageError: If JSON cannot hold the parameters, or loses some of their values.
    """
    if component.holds_object:
        return
    kind = type(component)
    try:
        recorded = component.params
    except Exception as error:
        raise UsageError(
            f"Expected parameters of {kind.__name__} that JSON can hold, such as numbers, texts and lists, got others. "
            "Compute tensors and networks inside its methods."
        ) from error
    expected, shown = f"Expected parameters of {kind.__name__} that its record restores", shorten(recorded, SHOWN)
    try:
        restored = kind.model_validate_json(recorded)
    except Exception as error:
        raise UsageError(
            f"{expected}, got {shown}, which the class refuses: {_reason(error)}. Let the class accept what it writes, "
            "and do not use computed_field."
        ) from error
    written = json.loads(recorded)
    lost = [
        name
        for name, field in kind.model_fields.items()
        if (field.serialization_alias or name) not in written
        or not _same(getattr(component, name), getattr(restored, name))
    ]
    if lost:
        raise UsageError(
            f"{expected}, got {shown}, which loses {', '.join(lost)}, so two settings would share a cell. Do not use "
            "exclude, types that hide their value, or serializers that change it."
        )


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return describe(error).removesuffix(".")
    first = error.errors()[0]
    return ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"].removesuffix(".")]))


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are the same. A list is the same as a tuple, which JSON writes as a list."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    with suppress(Exception):  # arrays are neither equal nor unequal as a whole
        if one == other:
            return True
    return content_of(one) == content_of(other)
