"""A fresh process that computes something, and that can be ended if it hangs."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import torch

from ..errors import describe
from ..utils.spawn import die_with_parent, start_fresh
from .check import Failed

START_SECONDS = 120
"""Seconds until the process must have imported everything."""

Answer = TypeVar("Answer")


class Unreachable(Failed):
    """A component cannot be sent to a worker process.

    Example:
        >>> issubclass(Unreachable, Failed)
        True
    """


class Worker:
    """A process that is started for the first question and answers until it is closed.

    After a failure the process is ended, and the next question goes to a new one.

    Example:
        >>> with Worker() as worker:
        ...     worker.ask(divmod, 7, 2)
        (3, 1)
    """

    def __init__(self) -> None:
        """Prepare a worker; no process is started yet, since that takes seconds."""
        self._running: tuple[BaseProcess, Connection] | None = None

    def __enter__(self) -> Self:
        """Return the worker itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the worker."""
        self.close()

    def close(self) -> None:
        """End the process, whatever it is computing."""
        if self._running is not None:
            (process, connection), self._running = self._running, None
            process.kill()
            process.join()
            connection.close()

    def ask(self, work: Callable[..., Answer], *given: Any, seconds: float | None = None) -> Answer:
        """Call a function in the process.

        Args:
            work: A function of a module, which the process imports.
            given: Its arguments.
            seconds: The time limit of the call; None for no limit.

        Raises:
            Unreachable: If the arguments cannot be sent, or not be rebuilt in the process.
            Failed: If the function raises an exception, takes too long, or the process dies.
        """
        try:
            return self._answer(self._connection(), work, given, seconds)
        except BaseException:
            self.close()
            raise

    def _connection(self) -> Connection:
        if self._running is None:
            here, there = multiprocessing.Pipe()
            process = start_fresh(_serve, there, torch.get_num_threads(), daemon=True)
            there.close()
            self._running = process, cast(Connection, here)
        return self._running[1]

    def _answer(
        self, there: Connection, work: Callable[..., Answer], given: tuple[Any, ...], seconds: float | None
    ) -> Answer:
        try:
            there.send(sys.path)  # it may have grown since the process was started
            there.send((work, given))
        except Exception as error:  # whatever a component raises when it is pickled
            raise Unreachable(
                f"The component cannot be sent to a worker process: {describe(error).removesuffix('.')}."
            ) from error
        try:
            if not there.poll(START_SECONDS):
                raise Failed(f"The worker process did not begin within {START_SECONDS} s.")
            status, answer = there.recv()
            if status == "unknown":
                raise Unreachable(f"The class cannot be imported in a worker process: {answer.removesuffix('.')}.")
            if not there.poll(seconds):
                raise Failed(f"There was no answer after {seconds:.0f} s.")
            status, answer = there.recv()
        except EOFError as error:
            raise Failed("The worker process died.") from error
        if status == "raised":
            raise Failed(f"The worker process raised an exception: {answer.removesuffix('.')}.")
        return answer


def _serve(there: Connection, threads: int) -> None:
    """Answer until nobody is left to ask."""
    die_with_parent()
    torch.set_num_threads(threads)
    while True:
        try:
            sys.path[:] = there.recv()
            work, given = there.recv()
        except EOFError:
            return
        except Exception as error:  # the class cannot be imported here
            there.send(("unknown", describe(error)))
            continue
        there.send(("begun", None))
        try:
            there.send(("answered", work(*given)))
        except Exception as error:
            there.send(("raised", describe(error)))
