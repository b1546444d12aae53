"""Log messages on the terminal: the one handler that shows what is logged below ``mia_bench``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from .texts import one_line, paragraph

if TYPE_CHECKING:
    from rich.console import Console

PACKAGE = __name__.partition(".")[0]
"""The logger that all loggers of the package are below."""


@cache
def stderr_console() -> Console:
    """Return the console of stderr; what is printed through it appears above a progress bar that it shows."""
    from rich.console import Console

    return Console(stderr=True)


class StderrHandler(logging.Handler):
    """Print messages on stderr, one line each, or broken to fit a terminal; no character drives the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message."""
        try:
            text, console = record.getMessage(), stderr_console()
            text = paragraph(text, console.width) if console.is_terminal else one_line(text)
            console.print(text, markup=False, highlight=False, soft_wrap=True)
        except Exception:  # as every handler of ``logging``: a message that cannot be printed ends nothing
            self.handleError(record)


@contextmanager
def logs_on_stderr(level: int = logging.INFO) -> Iterator[None]:
    """Show on stderr what is logged below ``mia_bench`` while the block runs.

    Args:
        level: the least severe level that is shown, such as ``logging.DEBUG``.
    """
    package, handler = logging.getLogger(PACKAGE), StderrHandler()
    before = package.level
    package.addHandler(handler)
    package.setLevel(level)
    try:
        yield
    finally:
        package.removeHandler(handler)
        package.setLevel(before)
