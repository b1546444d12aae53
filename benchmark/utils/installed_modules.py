"""Which modules installed packages provide, and which others a function imports."""

from __future__ import annotations

import dis
import importlib.util
import sys
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = __name__.partition(".")[0]


@cache
def is_installed(module: str) -> bool:
    """Return whether a module belongs to Python, to this package or to another installed package."""
    top = module.partition(".")[0]
    if top == "__main__":
        return False
    if top == PACKAGE or top in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    return _is_package_file(file)


def _is_package_file(file: str | None) -> bool:
    return file is not None and not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


def imported_by(function: types.FunctionType) -> list[tuple[str, types.ModuleType]]:
    """Return the modules that are not installed and that a function, or one inside it, imports when it runs."""
    package = function.__globals__.get("__package__") or ""
    written = sorted(set(_imports(function.__code__)))
    named = [(name, _module(name, package)) for name in written]
    return [(name, module) for name, module in named if module is not None]


def _imports(code: types.CodeType) -> Iterator[str]:
    """Yield the names of imported modules, with a dot for each level of a relative import."""
    found = [each for each in dis.get_instructions(code) if each.opname != "EXTENDED_ARG"]
    for place, each in enumerate(found):
        if each.opname == "IMPORT_NAME":
            yield "." * found[place - 2].argval + each.argval
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _imports(inner)


def _module(name: str, package: str) -> types.ModuleType | None:
    """Return a module that is not installed; None for others, and where it is missing or cannot be imported."""
    try:
        absolute = importlib.util.resolve_name(name, package)
        top = importlib.util.find_spec(absolute.partition(".")[0])
        if top is None or top.name in sys.stdlib_module_names or top.name == PACKAGE or _is_package_file(top.origin):
            return None
        return importlib.import_module(absolute)
    except (Exception, SystemExit):  # The function may import it in vain as well.
        return None
