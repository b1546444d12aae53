"""Display of log messages on stderr."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from ..errors import UsageError
from .texts import one_line, paragraph

if TYPE_CHECKING:
    from rich.console import Console

PACKAGE = __name__.partition(".")[0]
"""Name of the logger that is the parent of all loggers of the package."""


@cache
def stderr_console() -> Console:
    """Return the console of stderr. Text that is printed through it appears above its progress bar."""
    from rich.console import Console

    return Console(stderr=True)


class StderrHandler(logging.Handler):
    """Prints messages on stderr, on one line each, or wrapped to fit a terminal, without control characters.

    Example:
        >>> StderrHandler().level == logging.NOTSET
        True
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        try:
            text, console = record.getMessage(), stderr_console()
            text = paragraph(text, console.width) if console.is_terminal else one_line(text)
            console.print(text, markup=False, highlight=False, soft_wrap=True)
        except Exception:  # As in every handler of ``logging``, a message that cannot be printed does no harm.
            self.handleError(record)


def set_verbosity(*, quiet: bool, verbose: bool) -> None:
    """Choose which messages below ``mia_bench`` are shown until ``logs_on_stderr`` ends.

    Args:
        quiet: Show only warnings.
        verbose: Also show details.

    Raises:
        UsageError: If both are given.
    """
    if quiet and verbose:
        raise UsageError("Expected --quiet or --verbose, got both. Give one of them.")
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    logging.getLogger(PACKAGE).setLevel(level)


@contextmanager
def logs_on_stderr(level: int = logging.INFO) -> Iterator[None]:
    """Print the log messages of the package on stderr while the block runs.

    Args:
        level: Least severe level that is printed, such as ``logging.DEBUG``.
    """
    package, handler = logging.getLogger(PACKAGE), StderrHandler()
    before, propagated = package.level, package.propagate
    package.propagate = propagated and logging.getLogger().hasHandlers()  # opacus configures the root: twice on stderr
    package.addHandler(handler)
    package.setLevel(level)
    try:
        yield
    finally:
        package.removeHandler(handler)
        package.setLevel(before)
        package.propagate = propagated
