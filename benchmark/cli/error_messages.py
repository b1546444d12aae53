"""Errors of typer and of the file system as sentences."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import typer

from ..utils.texts import one_line, quoted


def file_sentence(error: OSError) -> str:
    """Return which file cannot be used, and why."""
    where = "the output or a temporary file" if error.filename is None else quoted(error.filename)
    reason = one_line(str(error.strerror or error)).rstrip(".")
    return f"Cannot use {where}: {reason}. Check the path, its permissions and the free space."


def sentence_of(error: typer.TyperException, words: Sequence[str]) -> str:
    """Return what was expected of an option or an argument, and the value that was given."""
    reason, param = error.message.removeprefix("Value error, ").rstrip("."), getattr(error, "param", None)
    if param is None or not reason:
        return _usage(error)
    name = param.opts[0] if param.param_type_name == "option" else (param.metavar or param.name)
    if reason.endswith(" is not readable"):
        return f"Cannot use {name.removesuffix('...')}: {reason}. Check its permissions."
    values = [after for word, after in itertools.pairwise(words) if word in param.opts]
    values += [word.partition("=")[2] for word in words if "=" in word and word.partition("=")[0] in param.opts]
    context = getattr(error, "ctx", None)
    if values and context and context.info_name == "run" and (said := _declared(param.name, values[-1])):
        return said
    got = f", got {values[-1]}" if values else ""
    if reason.startswith("Input should be "):
        wanted = reason.removeprefix("Input should be ").partition(",")[0].replace("a valid integer", "a whole number")
        return f"Expected {name} to be {wanted.replace('a valid', 'a')}{got}."
    if " is not one of " in reason:
        given, _, allowed = reason.partition(" is not one of ")
        return f"Expected one of {allowed.replace(chr(39), '')} for {name}, got {given}."
    return f"Invalid value for {name}{got}. {reason}."


def _declared(name: str, value: str) -> str | None:
    """Return the sentence in which the declaration of an option of ``run`` refuses a value, if it has this option."""
    from ..plan.request import Request
    from ..registry.literals import read
    from ..runner.options import RunOptions
    from ..utils.declaration import refusal

    return next((refusal(each, name, read(value)) for each in (Request, RunOptions) if name in each.model_fields), None)


def _usage(error: typer.TyperException) -> str:
    """Return what is wrong with a command line as a whole, and where to read how it is used."""
    context, message = getattr(error, "ctx", None), error.format_message()
    if context is None:
        return message
    end = "" if message.endswith((".", "?")) else "."
    return f"{message}{end} Run {context.command_path} --help to see how it is used."
