"""The kinds of components that a name may mean."""

from __future__ import annotations

from ..errors import UsageError
from . import KINDS, Kind, names, providers, suggestion


def kinds_of(name: str, *, or_else: str = "") -> list[Kind]:
    """Return the kinds that have a component of this name.

    Args:
        name: Name of an attack, defense, model or dataset.
        or_else: A sentence for the error that says what else may be given.

    Raises:
        UsageError: If the component does not exist.
    """
    kinds: list[Kind] = [kind for kind in KINDS if name in providers(kind)]
    if not kinds:
        every = [each for kind in KINDS for each in names(kind)]
        raise UsageError(
            f"Expected the name of an attack, defense, model or dataset, got {name!r}{suggestion(name, every)} "
            f"Run mia-bench list to see all names. {or_else}".rstrip()
        )
    return kinds
