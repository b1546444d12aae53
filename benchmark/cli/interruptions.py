"""What a command says when a signal ends it."""

from __future__ import annotations

import signal
from contextlib import suppress

from ..runner.interruption import Interrupted
from ..utils.texts import say


def tell_interruption(error: Interrupted) -> int:
    """Say on stderr that finished cells are saved, and return the exit code."""
    with suppress(OSError):  # the terminal may be gone
        by = "" if error.number == signal.SIGINT else f" by {error}"
        say(f"Interrupted{by}. Finished cells are saved; rerun the same command to resume.", err=True)
    return error.exit_code
