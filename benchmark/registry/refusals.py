"""What is wrong with the parameters that users gave, in words."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from pydantic import ValidationError

from .. import registry
from ..errors import UsageError
from ..utils.texts import shorten, shown
from .entries import Entry
from .literals import read, split_at_commas, write

BOUNDS = frozenset({"ge", "gt", "le", "lt"})
"""How pydantic names the bounds of a parameter."""
LIST_TYPES = frozenset({"tuple_type", "list_type", "set_type", "frozen_set_type"})
"""How pydantic names the errors of what should be a list."""
ONE_VALUE = ("_type", "_parsing", "literal_error", "enum")
"""How pydantic's names of the errors of what should be one number, text, word or switch end."""


def refusal(entry: Entry, error: ValidationError) -> UsageError:
    """Return an error that says what is wrong with each parameter of a component, and what to do."""
    problems = _problems(entry, error.errors())
    words = "; ".join(problems)
    end = "" if words.endswith("?") else "."
    remedy = "" if all(map(_says_what_to_do, problems)) else _remedy(entry)
    return UsageError(f"Invalid parameters of the {entry.noun} {entry.name!r}: {words}{end}", remedy)


def _problems(entry: Entry, errors: Sequence[Any]) -> list[str]:
    """Describe errors. Where a parameter may be of several types, only what is wrong with the type that was given."""
    typed = {each["loc"][:1] for each in errors if not _is_about_type(each)}
    kept = [each for each in errors if not _is_about_type(each) or each["loc"][:1] not in typed]
    lists = {
        each["loc"][0]
        for each in errors
        if each["type"] in LIST_TYPES or any(isinstance(part, int) for part in each["loc"])
    }
    return list(dict.fromkeys(_sweep(entry, each) if _is_sweep(each, lists) else _problem(each) for each in kept))


def _is_about_type(error: Any) -> bool:
    return error["type"].endswith("_type")


def _says_what_to_do(problem: str) -> bool:
    """Return whether a problem is described in several sentences, of which the last one is the remedy."""
    return ". " in problem or problem.endswith("?")


def _remedy(entry: Entry) -> str:
    if entry.name in registry.names(entry.kind):
        return f"Run mia-bench show {entry.name} to see what each parameter takes."
    return "Choose other values."


def _problem(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ").removesuffix(".")
    for bound in BOUNDS & error.get("ctx", {}).keys():  # The message writes 1e-100 with 100 zeros.
        message = f"{message.rpartition(' ')[0]} {error['ctx'][bound]:g}"
    if not error["loc"]:
        return message
    name, *inner = error["loc"]
    place = ".".join(map(str, [name, *(each for each in inner if isinstance(each, int))]))  # without names of types
    values = _as_list(error["input"]) if error["type"] in LIST_TYPES and not inner else []
    advice = f". Write it as {place}={write(values)}" if values else ""
    return f"{_given(place, error)}: {message[0].lower()}{message[1:]}{advice}"


def _given(place: str, error: Any) -> str:
    return f"{place}={shorten(shown(error['input']), 100)}"


def _as_list(value: Any) -> list[Any]:
    """Return the list that was meant by a number or a text, such as ``1,2`` or ``"[1,2]"``; none if that is unclear."""
    if not isinstance(value, str):
        return [value] if isinstance(value, int | float) else []
    text = value.strip('"')
    whole = read(text)
    if isinstance(whole, list):
        return whole
    is_unclear = whole is None or text[:1] in ("", "[", "{")
    return _listed(text) or ([] if is_unclear else _read_each(text))


def _is_sweep(error: Any, lists: Collection[str | int]) -> bool:
    """Return whether a list was given to a parameter that is none of ``lists``, which take one."""
    is_named = error["type"].endswith(ONE_VALUE) and error["loc"][:1]
    return bool(is_named) and error["loc"][0] not in lists and bool(_listed(error["input"]))


def _listed(value: Any) -> list[Any]:
    """Return the values of a list, also of one in a text, as ``[a,b]``; none for anything else."""
    if isinstance(value, str):
        value = _read_each(value[1:-1]) if value.startswith("[") and value.endswith("]") and len(value) > 2 else []
    is_list = isinstance(value, list | tuple) and all(isinstance(each, str | float | int) for each in value)
    return list(value) if is_list else []


def _read_each(text: str) -> list[Any]:
    return [read(part.strip()) for part in split_at_commas(text)]


def _sweep(entry: Entry, error: Any) -> str:
    """Say how several values are written of which each is tried."""
    name, values = error["loc"][0], _listed(error["input"])
    refused = f"{_given(name, error)}: expected one value, got a list"
    if entry.kind not in ("attacks", "defenses"):
        return f"{refused}. To try each of its values, name {entry.name} once for each"
    option, words = name.replace("_", "-"), shorten(",".join(map(write, values)), 100)
    return (
        f"{refused}. A list of values is a sweep. Write it as --{option} {words}, as {name} = "
        f"{shorten(json.dumps(values), 100)} under [options] of a suite (options in Python), or name {entry.name} once "
        "for each value"
    )
