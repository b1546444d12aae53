"""The signals that end a run, as exceptions, so that finished cells are kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


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
def signals_noted() -> Iterator[list[int]]:
    """Collect the numbers of the signals that come in the block. Each is handled as before.

    The exception that a handler raises may be swallowed or replaced by the library that it happens to interrupt. What
    was computed meanwhile is then not to be trusted. Outside the main thread, where no handlers run, this does nothing.
    """
    came = list[int]()
    before = dict[int, Callable[[int, FrameType | None], object]]()
    for number in _numbers() if threading.current_thread() is threading.main_thread() else []:
        if callable(handler := signal.getsignal(number)):
            before[number] = handler

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        before[number](number, frame)

    for number in before:
        signal.signal(number, note)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise ``Interrupted`` on Ctrl-C, SIGTERM and SIGHUP, and restore the handlers afterwards.

    A signal that the parent process chose to ignore stays ignored, as SIGHUP does under ``nohup``. Outside the main
    thread, where Python allows no handlers, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [number for number in _numbers() if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in heard}
    came = list[int]()
    try:
        with signals_noted() as came:
            yield
    except Interrupted:
        raise
    except KeyboardInterrupt as error:  # A library has replaced our handler.
        raise Interrupted(signal.SIGINT) from error
    except Exception as error:
        if came:  # A library has put another exception in place of ours, as pydantic does within a serializer.
            raise Interrupted(came[-1]) from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted(number)


def _numbers() -> list[int]:
    """Return the numbers of the signals that end a run."""
    return [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
