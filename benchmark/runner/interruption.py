"""The signals that end a run, as exceptions, so that finished cells are kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupted(KeyboardInterrupt):
    """Raised if a signal asks this process to end.

    Attributes:
        number: The number of the signal.

    Example:
        >>> Interrupted(signal.SIGTERM).exit_code
        143
    """

    def __init__(self, number: int) -> None:
        """Store the number of the signal."""
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """The exit code that a shell reports for a process that this signal ended: 128 plus its number."""
        return 128 + self.number


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise ``Interrupted`` on Ctrl-C, SIGTERM and SIGHUP, and restore the handlers afterwards.

    A signal that the parent process chose to ignore stays ignored, as SIGHUP does under ``nohup``. Outside the main
    thread, where Python allows no handlers, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    raised = list[int]()

    def interrupt(number: int, frame: object) -> None:
        raised.append(number)
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt as error:  # A library has replaced our handler.
        raise Interrupted(signal.SIGINT) from error
    except Exception as error:
        if raised:  # A library has put another exception in place of ours, as pydantic does within a serializer.
            raise Interrupted(raised[-1]) from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
