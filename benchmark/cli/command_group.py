"""The commands of ``mia-bench`` as one group: bad usage is one sentence on stderr and exit code 2."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import typer
from typer.core import TyperGroup

from ..errors import UsageError
from ..utils.texts import one_line, say, shorten
from .error_messages import file_sentence, sentence_of
from .interruption import raise_on_ctrl_c

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
            sentence = str(error) if isinstance(error, UsageError) else sentence_of(error, words)
            sentence = shorten(one_line(sentence), LONGEST_SENTENCE)
            code = _refused(f"{sentence}{'' if sentence.endswith(('.', '?')) else '.'}")
        except OSError as error:  # of the file system: commands turn those that they expect into sentences themselves
            code = _refused(file_sentence(error))
        sys.exit(code)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the words name, and the words that follow."""
        name, command, words = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            _refuse_empty_paths(ctx, command, words)
        return name, command, words

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the words name. Ctrl-C is said, by the commands that keep results or here."""
        try:
            raise_on_ctrl_c()
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            say("Interrupted.", err=True)
            raise typer.Exit(128 + signal.SIGINT) from error


def _refuse_empty_paths(ctx: Any, command: Any, words: Sequence[str]) -> None:
    """Raise if a path is empty, as that of a variable that is not set: it would mean the current folder.

    Raises:
        UsageError: If one is.
    """
    scratch = type(ctx)(command, parent=ctx, resilient_parsing=True, **command.context_settings)
    given, _, _ = command.make_parser(scratch).parse_args(list(words))
    empty = {word for word, after in itertools.pairwise((*words, "")) if word.endswith("=") or not after}
    for each in command.params:
        value, annotation = given.get(each.name), each.type_descriptor.annotation
        if Path in (annotation, *get_args(annotation)) and "" in (
            value if isinstance(value, (list, tuple)) else (value,)
        ):
            name = next((name for name in each.opts if {name, f"{name}="} & empty), each.metavar or each.opts[0])
            rest = "Give a path." if each.required else "Give a path, or leave it out."
            raise UsageError(f"Expected {name.removesuffix('...')} to be a path, got an empty text. {rest}")


def _refused(sentence: str) -> int:
    """Print an error, unless stderr cannot be written, and return the exit code of bad usage."""
    with suppress(OSError):
        typer.echo(f"Error: {sentence}", err=True)
    return 2


def _at_home(word: str) -> str:
    """Expand the home folder at the start of a path, also in ``--out=~/results``, where a shell does not."""
    option, equals, path = word.partition("=")
    return f"{option}={os.path.expanduser(path)}" if equals and path.startswith("~") else os.path.expanduser(word)
