"""Inspection of plug-ins by a separate process, so that code that exits or hangs on import does no harm."""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import signal
import sys
from functools import cache
from multiprocessing.connection import Connection

from ..errors import UsageError, describe, message_of
from ..utils.spawn import ending, start_fresh
from .descriptions import Summary, describe_loaded
from .entries import Entry

PRELOADED = "mia_bench.benchmark.interfaces.components"
"""What every plug-in imports, and what takes long."""
START_SECONDS = 120
"""Seconds that the process may take to import what every plug-in needs."""
IMPORT_SECONDS = 60
"""Seconds that the import of a plug-in may take."""


@cache
def inspected(entry: Entry) -> Summary:
    """Describe a plug-in. One that cannot be imported is described as broken."""
    process = _running() or _Inspector()
    try:
        return process.ask(entry)
    except Exception as error:
        process.end()
        return Summary(entry, {}, "", broken=entry.not_loaded(error))


def broken(entry: Entry) -> str | None:
    """Return why a plug-in cannot be used, or None if it can.

    A module that this process has already imported is not inspected again. A worker process inspects nothing, since
    its parent has done so.
    """
    if entry.target.partition(":")[0] in sys.modules or multiprocessing.parent_process() is not None:
        return None
    return inspected(entry).broken


class _Inspector:
    """A process that imports plug-ins."""

    current: _Inspector | None = None

    def __init__(self) -> None:
        self._here, there = multiprocessing.Pipe()
        self._process = start_fresh(_serve, there, preload=[PRELOADED], daemon=True)
        there.close()
        self._begun = False
        _Inspector.current = self
        atexit.register(self.end)

    def ask(self, entry: Entry) -> Summary:
        """Have the process describe a plug-in.

        Raises:
            TimeoutError: If the process does not answer in time.
            EOFError: If the process has ended.
        """
        self._here.send(sys.path)  # It may have grown since the process was started.
        self._here.send(entry)
        try:
            if not self._begun and not self._here.poll(START_SECONDS):
                raise TimeoutError(f"The process that imports it did not start within {START_SECONDS} s.")
            self._begun = self._begun or self._here.recv() == "begun"
            if not self._here.poll(IMPORT_SECONDS):
                raise TimeoutError(f"Importing it took longer than {IMPORT_SECONDS} s.")
            return self._here.recv()
        except (EOFError, ConnectionError) as error:
            self._process.join()
            raise EOFError(f"Importing it ended the process ({ending(self._process.exitcode)}).") from error

    def end(self) -> None:
        """Kill the process."""
        if _Inspector.current is self:
            _Inspector.current = None
            self._process.kill()
            self._process.join()
            self._here.close()


def _running() -> _Inspector | None:
    return _Inspector.current


def _serve(there: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent is interrupted too and ends this process.
    with open(os.devnull, "w") as nowhere:  # All output is repeated by the process that uses the plug-in.
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    importlib.import_module(PRELOADED)  # This does not count as time of the plug-in.
    there.send("begun")
    while True:
        try:
            sys.path[:] = there.recv()
            entry: Entry = there.recv()
        except EOFError:
            return
        try:
            there.send(describe_loaded(entry))
        except UsageError as error:
            there.send(Summary(entry, {}, "", broken=message_of(error)))
        except BaseException as error:
            there.send(Summary(entry, {}, "", broken=entry.not_loaded(describe(error))))
