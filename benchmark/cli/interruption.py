"""Ctrl-C outside of a run, and what a command says when a signal ends it.

This module imports next to nothing, so that it works from the first moment.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from ..runner.interruption import Interrupted


def end_on_ctrl_c() -> None:
    """Let Ctrl-C end this process with one sentence, unless it is ignored.

    It does not raise, since code that is being imported might catch the exception.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_on_ctrl_c() -> None:
    """Let Ctrl-C raise ``KeyboardInterrupt`` from now on, so that a command can clean up.

    While a library is being imported, as commands do first, it still ends the process at once.
    """
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, _end_imports_or_raise)


def tell_interruption(error: Interrupted) -> int:
    """Say on stderr that finished cells are saved, and return the exit code."""
    from ..utils.texts import say

    with suppress(OSError):  # the terminal may be gone
        by = "" if error.number == signal.SIGINT else f" by {error}"
        say(f"Interrupted{by}. Finished cells are saved; rerun the same command to resume.", err=True)
    return error.exit_code


def _end_imports_or_raise(number: int, frame: FrameType | None) -> None:
    if _imports(frame):
        _end(number, frame)
    signal.default_int_handler(number, frame)


def _imports(frame: FrameType | None) -> bool:
    """Return whether a module is being imported where the signal came."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib."):
            return True
        frame = frame.f_back
    return False


def _end(number: int, frame: object) -> None:
    with suppress(OSError):  # the terminal may be gone
        os.write(2, b"Interrupted.\n")
    os._exit(128 + number)
