"""Short names of components from what a leaderboard says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import registry
from ..errors import UsageError
from .entries import Kind
from .literals import write


def label(kind: Kind, name: str, params: Mapping[str, Any], alike: Sequence[Mapping[str, Any]] = ()) -> str:
    """A name with those parameters that tell something: no default, or not the same in others of that name.

    A parameter that is none tells by its absence, as on the command line.

    Args:
        kind: of the component, which may be one that is not installed here.
        name: the component.
        params: all its parameters.
        alike: the parameters of others of the same name.
    """
    try:
        fields = registry.find(kind, name).load().model_fields
    except UsageError:  # a board may name a plug-in that is not installed here
        fields = {}
    telling = [
        f"{key}={write(value)}"
        for key, value in params.items()
        if value is not None
        if any(other.get(key) != value for other in alike) or key not in fields or value != fields[key].default
    ]
    return f"{name}:{','.join(telling)}" if telling else name
