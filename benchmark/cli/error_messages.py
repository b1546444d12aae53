"""Bad usage as one sentence on stderr and exit code 2."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import typer
from typer.core import TyperGroup

from ..errors import UsageError
from ..utils.texts import one_line, quoted, say, shorten
from .early_interruption import raise_on_ctrl_c

LONGEST_SENTENCE = 980
"""Characters of the longest error that is shown whole."""


class Commands(TyperGroup):
    """The commands of ``mia-bench``: bad usage ends with one sentence instead of a traceback.

    Example:
        >>> typer.Typer(cls=Commands, name="mia-bench").info.name
        'mia-bench'
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and exit. Without any words, show the help."""
        words = [_at_home(word) for word in (sys.argv[1:] if args is None else args)]
        try:
            code = super().main(words or ["--help"], prog_name, complete_var, False, windows_expand_args, **extra)
            code = code or (0 if words else 2)
        except (UsageError, typer.TyperException) as error:
            sentence = str(error) if isinstance(error, UsageError) else _sentence(error, words)
            sentence = shorten(one_line(sentence), LONGEST_SENTENCE)
            code = _refused(f"{sentence}{'' if sentence.endswith(('.', '?')) else '.'}")
        except OSError as error:  # of the file system: commands turn those that they expect into sentences themselves
            code = _refused(_of_file_system(error))
        sys.exit(code)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the words name. Ctrl-C is said, by the commands that keep results or here."""
        try:
            raise_on_ctrl_c()
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            say("Interrupted.", err=True)
            raise typer.Exit(128 + signal.SIGINT) from error


def _refused(sentence: str) -> int:
    """Print an error, unless stderr cannot be written, and return the exit code of bad usage."""
    with suppress(OSError):
        typer.echo(f"Error: {sentence}", err=True)
    return 2


def _of_file_system(error: OSError) -> str:
    """Return which file cannot be used, and why."""
    where = "the output or a temporary file" if error.filename is None else quoted(error.filename)
    reason = one_line(str(error.strerror or error)).rstrip(".")
    return f"Cannot use {where}: {reason}. Check the path, its permissions and the free space."


def _at_home(word: str) -> str:
    """Expand the home folder at the start of a path, also in ``--out=~/results``, where a shell does not."""
    option, equals, path = word.partition("=")
    return f"{option}={os.path.expanduser(path)}" if equals and path.startswith("~") else os.path.expanduser(word)


def _declared(name: str, value: str) -> str | None:
    """Return the sentence in which the declaration of an option of ``run`` refuses a value, if it has this option."""
    from ..plan.request import Request
    from ..registry.literals import read
    from ..runner.options import RunOptions
    from ..utils.declaration import refusal

    return next((refusal(each, name, read(value)) for each in (Request, RunOptions) if name in each.model_fields), None)


def _sentence(error: typer.TyperException, words: Sequence[str]) -> str:
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


def _usage(error: typer.TyperException) -> str:
    """Return what is wrong with a command line as a whole, and where to read how it is used."""
    context, message = getattr(error, "ctx", None), error.format_message()
    if context is None:
        return message
    end = "" if message.endswith((".", "?")) else "."
    return f"{message}{end} Run {context.command_path} --help to see how it is used."
