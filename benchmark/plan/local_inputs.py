"""Find what a leaderboard names of the machine that computed it: files and code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import registry
from ..errors import UsageError
from ..registry import Kind
from ..registry.entries import OBJECT
from ..registry.literals import parse

DATA_KINDS: tuple[tuple[str, Kind], ...] = (("dataset", "datasets"), ("model", "models"))
"""The columns that may name files or code, with their registries. Attacks and defenses take neither."""
OTHER_KINDS: tuple[tuple[str, Kind], ...] = (("defense", "defenses"), ("attack", "attacks"))
"""The columns of components that may be classes of a Python session."""


def local_inputs(columns: Mapping[str, Any]) -> list[str]:
    """Return the components of a cell that name a file, code or an object of the machine that computed the cell.

    Nothing is read, imported or built.

    Args:
        columns: The values of ``dataset`` and ``model`` in a row of a leaderboard, and, to find classes of a Python
            session, those of ``defense``, ``attack`` and ``plugin_version``.

    Raises:
        UsageError: If a component does not exist.

    Example:
        >>> local_inputs({"dataset": "mnist", "model": "onnx:path=net.onnx"})
        ['onnx:path=net.onnx']
    """
    found = []
    for column, kind in DATA_KINDS:
        name, given = parse(columns[column])
        if _is_object(columns, kind, name):
            found.append(columns[column])
            continue
        if not given:
            continue  # files and code are parameters, so the class, which takes long to import, need not be known
        component = registry.load(registry.find(kind, name))
        fields = component.model_json_schema().get("properties", {})
        files = {key for key, schema in fields.items() if _is_path(schema)}
        if getattr(component, "names_code", False) or component.holds_object or files & given.keys():
            found.append(columns[column])
    return found + [columns[name] for name, kind in OTHER_KINDS if _is_object(columns, kind, columns.get(name))]


def is_local(columns: Mapping[str, Any]) -> bool:
    """Return whether only the machine or the session that computed a cell has its inputs, so nobody can verify it."""
    try:
        return bool(local_inputs(columns))
    except UsageError:  # it needs a package that is not installed here, which others may have
        return False


def of_session(columns: Mapping[str, Any]) -> bool:
    """Return whether a cell has an object of a Python session, so that no command can compute it.

    Args:
        columns: The values of a row of a leaderboard.

    Example:
        >>> of_session({"dataset": "arrays:content=0123", "model": "lenet5"})
        True
    """
    if any(_is_object(columns, kind, columns.get(name)) for name, kind in OTHER_KINDS):
        return True
    return any(_holds_object(columns, kind, columns[column]) for column, kind in DATA_KINDS)


def _holds_object(columns: Mapping[str, Any], kind: Kind, written: str) -> bool:
    try:
        name, given = parse(written)
        if _is_object(columns, kind, name):
            return True
        return "content" in given and registry.load(registry.find(kind, name)).holds_object  # others load for long
    except UsageError:  # such as that of a plug-in that is not installed here
        return False


def _is_object(columns: Mapping[str, Any], kind: Kind, name: str | None) -> bool:
    """Return whether a component is a class of a Python session, as the row says, and not an installed one."""
    packages = {each.partition("==")[0] for each in str(columns.get("plugin_version") or "").split(";")}
    return name is not None and OBJECT in packages and name not in registry.providers(kind)


def _is_path(schema: Mapping[str, Any]) -> bool:
    return schema.get("format") == "path" or any(each.get("format") == "path" for each in schema.get("anyOf", ()))
