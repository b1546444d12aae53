"""How far long work is: a bar on a terminal, a message every few seconds elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .stderr_logs import stderr_console

MESSAGE_SECONDS = 5.0
"""Seconds between two messages."""
BAR_SECONDS = 0.5
"""Seconds of work after which a bar appears."""
BAR_WIDTH = 16


@contextmanager
def counted(total: int, title: str, logger: logging.Logger) -> Iterator[Callable[[int], None]]:
    """Show how much of some work is done, if it takes long and INFO messages are shown.

    Args:
        total: The number of steps.
        title: What is done, such as ``Decoding images``.
        logger: Logs the messages where there is no terminal.

    Yields:
        A function that takes how many steps are done.

    Example:
        >>> with counted(2, "Reading", logging.getLogger()) as done:
        ...     done(1)
    """
    console = stderr_console()
    live = console.is_terminal and not console.is_dumb_terminal
    if not (live and logger.isEnabledFor(logging.INFO) and logging.getLogger(logger.name).hasHandlers()):
        yield _Messages(total, title, logger)
        return
    yield from _bar(total, title)


def _bar(total: int, title: str) -> Iterator[Callable[[int], None]]:
    from rich.errors import LiveError
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        *(TextColumn("{task.description}", markup=False), BarColumn(BAR_WIDTH), MofNCompleteColumn()),
        *(TimeElapsedColumn(), TimeRemainingColumn()),
    )
    bar, start = Progress(*columns, console=stderr_console(), transient=True), time.monotonic()
    task = bar.add_task(title, total=total)

    def done(count: int) -> None:
        bar.update(task, completed=count)
        if not bar.live.is_started and time.monotonic() - start > BAR_SECONDS:
            with suppress(LiveError):  # another bar is shown
                bar.start()

    try:
        yield done
    finally:
        bar.stop()


class _Messages:
    """Logs how many steps are done and how long the others take."""

    def __init__(self, total: int, title: str, logger: logging.Logger) -> None:
        self._total, self._title, self._logger = total, title, logger
        self._start, self._next = time.monotonic(), time.monotonic() + MESSAGE_SECONDS

    def __call__(self, count: int) -> None:
        now = time.monotonic()
        if now < self._next or count == self._total:
            return
        self._next = now + MESSAGE_SECONDS
        left = (now - self._start) / count * (self._total - count)
        self._logger.info("%s: %s of %s (%.0f s left).", self._title, f"{count:,}", f"{self._total:,}", left)
