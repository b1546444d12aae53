"""Entries of components that exist in a Python session alone, not in an installed package."""

from __future__ import annotations

import re

from .. import registry
from ..errors import UsageError
from ..interfaces import Component
from ..utils.object_content import content_of
from .entries import OBJECT, Entry, Kind


def entry_of(kind: Kind, component: type[Component]) -> Entry:
    """Return the entry of a class: that of the package that provides it, or else one with the hash of its code.

    Raises:
        UsageError: If the class is not installed, but another component of its name is.

    Example:
        >>> from mia_bench.defenses.dp_ir import DpIr
        >>> entry_of("defenses", DpIr).package
        'mia-bench'
    """
    target = f"{component.__module__}:{component.__qualname__}"
    providers = registry.providers(kind)
    for entries in providers.values():
        for entry in entries:
            if entry.target == target:
                return entry
    name = snake_case(component.__name__)
    if name in providers:
        raise UsageError(
            f"Expected a class whose name differs from the installed {kind}, got {component.__name__}, which would be "
            f"called {name} as {providers[name][0].target} is. Rename it."
        )
    content = content_of(component)
    return Entry(kind=kind, name=name, target=target, package=OBJECT, version=content, content=content)


def snake_case(name: str) -> str:
    """Convert camel case to snake case.

    Example:
        >>> snake_case("MyDpNoise")
        'my_dp_noise'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower().strip("_")
