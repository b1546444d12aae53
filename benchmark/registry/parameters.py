"""Description of the parameters of a component for users."""

from __future__ import annotations

import json
from typing import Any


def parameters(component: type[Any]) -> list[list[str]]:
    """Return name, allowed values, default and meaning of each parameter of a component class, as text."""
    schema = component.model_json_schema()
    shared = schema.get("$defs", {})
    return [
        [name, _type(each, shared), _default(each), each.get("description", "")]
        for name, each in schema.get("properties", {}).items()
    ]


def _default(schema: dict[str, Any]) -> str:
    value = schema.get("default")
    return "none" if value is None else json.dumps(value)


_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def _type(schema: dict[str, Any], shared: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _type(shared[schema["$ref"].rpartition("/")[2]], shared)
    if "anyOf" in schema:
        return " or ".join(_type(option, shared) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
    bounds = [f"{sign} {schema[key]}" for key, sign in _BOUNDS.items() if key in schema]
    name = schema.get("type", "any").replace("null", "none")
    if isinstance(schema.get("items"), dict):
        name = f"{name} of {_type(schema['items'], shared)}"
    return " ".join([name, *bounds])
