"""Values that are written as text on the command line: dividing, reading and writing them."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

from ..errors import UsageError

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|.', re.DOTALL)
"""A string in double quotes, or one character."""
OPENING, CLOSING = "[{", "]}"
CLASS_HINT = "A class that is not installed is given to mia_bench.run in Python, or packaged by mia-bench new."
SPELLINGS = {"none": "null", "None": "null", "True": "true", "False": "false"}
"""Words that JSON writes differently."""


class Text(str):
    """A value as it was written on the command line. Its type follows from the parameter that receives it.

    Example:
        >>> read(Text("0.1"))
        0.1
    """

    __slots__ = ()


class NoValue(Text):
    """What is taken for the value of an option that was written without one: ``true`` or an empty text.

    Example:
        >>> read(NoValue("true"))
        True
    """

    __slots__ = ()


def split_at_commas(text: str) -> list[str]:
    """Divide a text at its commas, except for those in brackets, braces or double quotes.

    Example:
        >>> split_at_commas("sizes=[1,2],name=x")
        ['sizes=[1,2]', 'name=x']
    """
    parts, depth = [""], 0
    for token in TOKEN.findall(text):
        if token == "," and depth == 0:
            parts.append("")
            continue
        depth = max(0, depth + (token in OPENING) - (token in CLOSING))
        parts[-1] += token
    return parts


def divide_specs(text: str) -> list[str]:
    """Divide a text that lists one or several components at the commas between them.

    A comma starts the next component unless ``key=value`` follows it and the component before it has a colon: then
    it separates two parameters. A value that contains a comma is written in double quotes or brackets.

    Example:
        >>> divide_specs("dp_ir:sigma=0.1,delta=1e-6,dropout,topk:share=0.1")
        ['dp_ir:sigma=0.1,delta=1e-6', 'dropout', 'topk:share=0.1']

    Raises:
        UsageError: If ``key=value`` follows a component without a colon, or a number follows a parameter.
    """
    specs: list[str] = []
    parts = split_at_commas(text)
    for place, part in enumerate(parts):
        before, equals, _ = part.partition("=")
        is_parameter = bool(equals) and ":" not in before
        if is_parameter and specs and ":" in specs[-1]:
            specs[-1] += f",{part}"
        elif is_parameter:
            name = specs[-1] if specs else "NAME"
            raise UsageError(f"Expected a name, got {part!r}. Write parameters behind a colon, as in {name}:{part}")
        else:
            if specs and "=" in specs[-1] and _is_number(part):
                _refuse_list(specs[-1], list(itertools.takewhile(_is_number, parts[place:])))
            specs.append(part.strip())
    return specs


def _is_number(text: str) -> bool:
    return isinstance(read(text.strip()), int | float)


def _refuse_list(spec: str, numbers: Sequence[str]) -> None:
    """Raise since numbers follow a parameter, where a component may follow."""
    key, _, value = split_at_commas(spec)[-1].rpartition(":")[2].partition("=")
    values = ",".join([value, *map(str.strip, numbers)])
    raise UsageError(
        f"Expected a name or key=value, got {numbers[0].strip()!r} behind {spec!r}. Write a list as {key}=[{values}], "
        f"and several values of which each is tried as --{key.replace('_', '-')} {values}."
    )


def read(text: str) -> Any:
    """Read a number, ``true``, ``false``, ``none``, a list, a table or a string in double quotes. All else is text.

    Example:
        >>> [read(text) for text in ("1", "1e-5", "none", "[1, 2]", "relu2")]
        [1, 1e-05, None, [1, 2], 'relu2']
    """
    try:
        return json.loads(SPELLINGS.get(text, text), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return str(text)


def _refuse(name: str) -> None:
    raise ValueError(f"Expected a finite number, got {name}.")


def write(value: Any) -> str:
    """Write a value so that ``read`` returns it.

    Example:
        >>> [write(value) for value in (0.1, None, [1, 2], "none", " ")]
        ['0.1', 'none', '[1,2]', '"none"', '" "']
    """
    if isinstance(value, str):
        plain = split_at_commas(value) == [value] and read(value) == value == value.strip()
        return value if plain else json.dumps(value, ensure_ascii=False)
    if value is None:
        return "none"
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def parse(spec: str) -> tuple[str, dict[str, Text]]:
    """Split ``name:key=value,key=value`` into the name and its parameters. Lists are written ``key=[1,2]``.

    Raises:
        UsageError: If several names are given, a parameter has no ``=``, or a parameter is given twice.

    Example:
        >>> parse("dp_ir:sigma=0.1,noise=laplacian")
        ('dp_ir', {'sigma': '0.1', 'noise': 'laplacian'})
    """
    name, _, rest = spec.partition(":")
    if "," in name:
        raise UsageError(f"Expected one name, got {name!r}. Give each name separately.")
    params: dict[str, Text] = {}
    for part in filter(None, split_at_commas(rest)):
        key, equals, value = part.partition("=")
        if not equals:
            raise UsageError(
                f"Expected key=value, got {part!r} in {spec!r}. Write it as in {name}:key=value,key=value. "
                + (CLASS_HINT if part[:1].isupper() else f"mia-bench show {name} lists the keys.")
            )
        if key.strip() in params:
            raise UsageError(f"Expected each parameter once, but {spec!r} gives {key.strip()!r} twice. Remove one.")
        params[key.strip()] = Text(value.strip())
    return name.strip(), params
