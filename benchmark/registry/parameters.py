"""Description of the parameters of a component for users."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
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


def _type(schema: dict[str, Any], shared: dict[str, Any], *, plural: bool = False) -> str:
    if "$ref" in schema:
        return _type(shared[schema["$ref"].rpartition("/")[2]], shared, plural=plural)
    if "anyOf" in schema:
        *first, last = (_type(option, shared, plural=plural) for option in schema["anyOf"])
        comma = "," if any(" " in each for each in first) else ""
        return f"{', '.join(first)}{comma} or {last}" if first else last
    if "enum" in schema or "const" in schema:
        return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
    name = schema.get("type", "any").replace("null", "none")
    named = name + "s" * (plural and name != "any")
    if isinstance(schema.get("items"), dict):
        return f"{named} of {_type(schema['items'], shared, plural=True)}"
    return " ".join([named, *_range(schema)])


def _range(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the bounds of a number in words, as ``from 0 to 1``."""
    if "minimum" in schema and "maximum" in schema:
        yield f"from {_number(schema['minimum'])} to {_number(schema['maximum'])}"
        return
    found = [words.format(_number(schema[key])) for key, words in _BOUNDS.items() if key in schema]
    if found:
        yield " and ".join(found).replace("and of", "and")


_BOUNDS = {
    "minimum": "of at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "of at most {}",
    "exclusiveMaximum": "below {}",
}


def _number(value: float) -> str:
    """Return a number in as few characters as it needs, as ``1e15``."""
    short = f"{value:g}"
    if float(short) != value:
        return f"{value}"
    return re.sub(r"e([+-])0*(\d+)", lambda found: f"e{found[1].strip('+')}{found[2]}", short)
