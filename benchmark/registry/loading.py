"""Loading of component classes: built-in ones directly, and plug-ins after an inspection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from .classes import import_class
from .entries import Entry
from .inspection import broken

if TYPE_CHECKING:
    from ..interfaces import Component


def load(entry: Entry) -> type[Component]:
    """Import the class of a component. A plug-in is first imported by a separate process, which it may end.

    Raises:
        UsageError: If the class cannot be imported, or is not of its kind.

    Example:
        >>> from mia_bench.benchmark.registry import find
        >>> load(find("defenses", "dp_ir")).__name__
        'DpIr'
    """
    if entry.path is not None:
        return import_class(entry)
    from ..utils.isolation import restored_state  # imports torch

    if reason := broken(entry):
        raise UsageError(reason)
    with restored_state():
        return import_class(entry)
