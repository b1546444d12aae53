"""The components that a user names to be checked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from .. import registry
from ..errors import UsageError, describe
from ..interfaces import Component
from ..plan.objects import BASES
from ..registry import Entry
from ..registry.component_names import kinds_of
from ..registry.literals import parse
from ..registry.specs import instantiate


def named_components(target: str) -> list[tuple[str, Component]]:
    """Return the components that a text stands for, each with a heading.

    Args:
        target: ``NAME`` or ``module.path:Class``, each with its parameters as in ``NAME:key=value,...``. A name may be
            that of several kinds.

    Raises:
        UsageError: If a component does not exist or cannot be created.
    """
    name, _, rest = target.partition(":")
    attribute, *given = rest.split(":", 1)
    if attribute and "=" not in attribute:
        return [(target, _imported(name, attribute, parse(":".join([attribute, *given]))[1]))]
    name, params = parse(target)
    kinds = kinds_of(name, or_else="To check a class that is not installed, write module:Class.")
    entries = [registry.find(kind, name) for kind in kinds]
    return [(_heading(entry), instantiate(entry, params)) for entry in entries]


def _heading(entry: Entry) -> str:
    return f"{entry.noun} {entry.name} (package {entry.package} {entry.version})"


def _remedy(module: str, attribute: str, error: BaseException) -> str:
    """Return what to do about a class that cannot be imported."""
    if module in sys.modules:  # it has no such attribute
        own = [name for name, value in vars(sys.modules[module]).items() if isinstance(value, type)]
        return f"Name a class of the module{registry.suggestion(attribute, own)}"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == module.partition(".")[0]:
        written = f"Write {Path(module).stem}:{attribute}, and run" if module.endswith(".py") else "Run"
        return f"{written} the command in the folder of its module, or install its package."
    return f"Mend the module {module}."


def _imported(module: str, attribute: str, params: Mapping[str, Any]) -> Component:
    """Return the component of a class that need not be installed. The current folder is searched first."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        loaded = getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"Expected a class that can be imported, got {module}:{attribute}, which raised "
            f"{describe(error).removesuffix('.')}. {_remedy(module, attribute, error)}"
        ) from error
    for kind, base in BASES.items():
        if isinstance(loaded, type) and issubclass(loaded, base):
            return instantiate(Entry(kind, attribute, f"{module}:{attribute}", module, "0"), params)
    raise UsageError(
        f"Expected a subclass of {', '.join(base.__name__ for base in BASES.values())}, got {module}:{attribute}, "
        f"which is {loaded!r}. Name such a class."
    )
