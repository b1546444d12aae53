"""Conversion of text from any source so that it is safe in a terminal, a table or a spreadsheet."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from ..errors import UsageError

LARGEST_WHOLE = 2**63 - 1
"""The largest whole number that a table can hold (int64)."""

SHOWN_ITEMS = 4
"""Items of a list with arrays that a message names."""

_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_DRIVES_TERMINAL = re.compile(f"[{_CONTROLS}]")
"""Control characters other than tabs and line breaks, marks that reorder text, and surrogates."""
_BREAKS_LINE = re.compile(f"[\t\n{_CONTROLS}]")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED_FORMULA = re.compile(r"'+[=+\-@\t\r]")


def say(text: str = "", *, err: bool = False, end: str = "\n") -> None:
    """Print a text to stdout or stderr. Characters that could control the terminal are printed as escapes."""
    typer.echo(f"{plain(text)}{end}", err=err, nl=False)


def say_paragraph(text: str) -> None:
    """Print a text on stdout on one line, or broken at spaces to fit a terminal."""
    say(paragraph(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else one_line(text))


def paragraph(text: str, width: int) -> str:
    """Break a text at spaces into lines of at most ``width`` characters, all but the first indented."""
    line = one_line(text)
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def plain(text: str) -> str:
    r"""Replace characters that could control a terminal by escapes such as ``\x1b``. Line breaks and tabs stay."""
    return _DRIVES_TERMINAL.sub(_escape, text)


def one_line(text: str) -> str:
    """Put a text on one line, without characters that could control a terminal. Line breaks and tabs become spaces."""
    return _BREAKS_LINE.sub(_escape, " ".join(text.splitlines()).replace("\t", " ")) if text else text


def shorten(text: str, longest: int) -> str:
    """Cut a text to at most ``longest`` characters and append its original length.

    Example:
        >>> shorten("0123456789" * 5, 30)
        '01234567890... (50 characters)'
    """
    if len(text) <= longest:
        return text
    end = f"... ({len(text)} characters)"
    return text[: longest - len(end)] + end


def quoted(value: object) -> str:
    """Return a value for a message: in Python's notation, on one line of at most 100 characters.

    Arrays, tensors, tables and networks are described in place of their values.

    Example:
        >>> import numpy
        >>> quoted("relu1"), quoted((numpy.zeros((2, 3)), [1]))
        ("'relu1'", '(ndarray (2, 3) float64, [1])')
    """
    return shorten(one_line(described(value, repr)), 100)


def as_path(value: Any, expected: str) -> Path:
    """Return a path that is given in Python as a text or an object.

    Args:
        value: The path.
        expected: What is expected, in words, such as ``out to be a path``.

    Raises:
        UsageError: If it is neither.
    """
    if isinstance(value, str | os.PathLike):
        return Path(value)
    raise UsageError(f"Expected {expected}, got {quoted(value)}. Give a text or a pathlib.Path.")


def shown(value: object) -> str:
    """Return a value for a message as ``str`` writes it; arrays, tensors, tables and networks are described."""
    return described(value, str)


def described(value: Any, write: Callable[[Any], str]) -> str:
    """Return a value as text, with the type and shape of arrays, tensors, tables and networks instead of their values.

    Args:
        value: Any value.
        write: Returns the text of values that hold no array.
    """
    if not _holds_arrays(value):
        return write(value)
    name = type(value).__name__
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {described(each, repr)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        items = ", ".join(described(each, repr) for each in value[:SHOWN_ITEMS])
        return f"[{items}]" if isinstance(value, list) else f"({items})"
    if isinstance(value, type) or not hasattr(value, "shape"):
        return f"a {name}"
    shape = str(tuple(value.shape)) if isinstance(value.shape, tuple) else ""
    return " ".join(filter(None, (name, shape, str(getattr(value, "dtype", "")))))


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_arrays, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_arrays, value))
    return not isinstance(value, type) and any(hasattr(value, name) for name in ("__array__", "shape", "state_dict"))


def as_typed(*words: str | Path) -> str:
    """Return words of a command as they are typed in a shell: those with spaces or other special characters quoted.

    Example:
        >>> as_typed("mia-bench", "verify", Path("my results/x.zip"))
        "mia-bench verify 'my results/x.zip'"
    """
    return shlex.join(map(str, words))


def spreadsheet(text: str) -> str:
    """Prepend an apostrophe to a text that a spreadsheet would read as a formula. ``from_spreadsheet`` reverses this.

    Example:
        >>> spreadsheet("=1+1")
        "'=1+1"
    """
    return f"'{text}" if _FORMULA.match(text) else text


def from_spreadsheet(text: str) -> str:
    """Reverse ``spreadsheet``."""
    return text[1:] if _ESCAPED_FORMULA.match(text) else text


def _escape(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape", "surrogatepass").decode("ascii")
