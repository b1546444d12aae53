"""Which modules installed packages provide, and the code of the others that a function imports."""

from __future__ import annotations

import dis
import importlib.util
import itertools
import sys
import types
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec, PathFinder
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


def code_imported_by(function: types.FunctionType) -> dict[str, types.CodeType]:
    """Return the code of the modules that a function imports when it runs, and of those that they import, by name.

    The modules are read and not executed, since the function may never come to import them. Those of installed packages
    are left out, as are missing ones.
    """
    found: dict[str, types.CodeType] = {}
    left = list(_imports(function.__code__, function.__globals__.get("__package__") or ""))
    while left:
        name = left.pop()
        if name not in found and (spec := _local_spec(name)) and (code := _code_of(spec)):
            found[name] = code
            left += _imports(code, name if spec.submodule_search_locations is not None else spec.parent or "")
    return dict(sorted(found.items()))


def _imports(code: types.CodeType, package: str) -> Iterator[str]:
    """Yield the absolute names of what code imports: packages, modules in them, and what may be a module."""
    found = [each for each in dis.get_instructions(code) if each.opname != "EXTENDED_ARG"]
    for place, each in enumerate(found):
        if each.opname == "IMPORT_NAME":
            level, members = found[place - 2].argval, found[place - 1].argval or ()
            with suppress(ImportError):  # A relative import outside a package fails when it runs.
                module = importlib.util.resolve_name("." * level + each.argval, package)
                yield from _with_parents(module)
                yield from (f"{module}.{member}" for member in members)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _imports(inner, package)


def _with_parents(name: str) -> list[str]:
    """Return the packages that a module lies in, the outermost one first, and the module."""
    return list(itertools.accumulate(name.split("."), lambda parent, child: f"{parent}.{child}"))


def _local_spec(name: str) -> ModuleSpec | None:
    """Find a module that is not installed without executing a package; None for others and missing ones."""
    top, *inner = _with_parents(name)
    if top in sys.stdlib_module_names or top == PACKAGE:
        return None
    try:
        spec = importlib.util.find_spec(top)
        for each in inner:
            places = spec and spec.submodule_search_locations
            spec = PathFinder.find_spec(each, places) if places else None
    except (ImportError, ValueError):  # such as a module that was made by hand
        return None
    return None if spec is None or _is_package_file(spec.origin) else spec


def _code_of(spec: ModuleSpec) -> types.CodeType | None:
    """Return the code of a module in Python. None for others, and if an import would fail."""
    try:
        return spec.loader.get_code(spec.name) if isinstance(spec.loader, InspectLoader) else None
    except (ImportError, OSError, SyntaxError, ValueError):
        return None
