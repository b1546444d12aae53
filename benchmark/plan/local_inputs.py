"""Find what a leaderboard names of the machine that computed it: files and code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import registry
from ..registry import Kind
from ..registry.specs import parse

COMPONENT_KINDS: tuple[tuple[str, Kind], ...] = (("dataset", "datasets"), ("model", "models"))
"""The columns that may name files or code, with their registries. Attacks and defenses take neither."""


def local_inputs(columns: Mapping[str, Any]) -> list[str]:
    """Return the components of a cell that name a file or code of the machine on which the cell was computed.

    Nothing is read, imported or built.

    Args:
        columns: The values of ``dataset`` and ``model`` in a row of a leaderboard.

    Raises:
        UsageError: If a component does not exist.

    Example:
        >>> local_inputs({"dataset": "mnist", "model": "onnx:path=net.onnx"})
        ['onnx:path=net.onnx']
    """
    found = []
    for column, kind in COMPONENT_KINDS:
        name, given = parse(columns[column])
        component = registry.find(kind, name).load()
        fields = component.model_json_schema().get("properties", {})
        files = {key for key, schema in fields.items() if _is_path(schema)}
        if getattr(component, "names_code", False) or files & given.keys():
            found.append(columns[column])
    return found


def _is_path(schema: Mapping[str, Any]) -> bool:
    return schema.get("format") == "path" or any(each.get("format") == "path" for each in schema.get("anyOf", ()))
