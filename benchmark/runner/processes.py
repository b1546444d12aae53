"""Workers that are processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

import torch

from ..errors import describe
from ..evaluation.artifacts import Artifacts
from ..utils.spawn import die_with_parent, ending, start_fresh, start_server
from ..utils.streams import use_patient_streams
from .jobs import CellJob, SettingTrial, run_job
from .pinning import cuts_of
from .worker_logs import LogMessage, forward_logs, wanted_level
from .worker_protocol import WorkerEvent, failure

GRACE_SECONDS = 2
"""Seconds that an idle worker has to end by itself."""


class Processes:
    """Run jobs in fresh processes, each with one thread.

    Example: ``mia-bench run --jobs 2``
    """

    def __init__(self, device: torch.device, data_dir: Path | None) -> None:
        """Compute on ``device`` with data from ``data_dir``."""
        self._device, self._data_dir = device, data_dir
        self._processes: dict[int, tuple[BaseProcess, Connection]] = {}
        self._busy: set[int] = set()
        self._started = 0
        self._unsent: list[tuple[int, WorkerEvent]] = []

    @staticmethod
    def start_importing() -> None:
        """Import what workers need in the background, so that they start at once later; only on Linux."""
        start_server(__name__)

    def start(self) -> int:
        """Start a worker and return its number."""
        here, there = multiprocessing.Pipe()
        process = start_fresh(_serve, there, self._device, self._data_dir, wanted_level())
        there.close()
        self._started += 1
        self._processes[self._started] = process, cast(Connection, here)
        return self._started

    def submit(self, worker: int, job: CellJob | SettingTrial) -> None:
        """Have an idle worker compute a job or try a setting."""
        self._busy.add(worker)
        try:
            self._processes[worker][1].send(job)
        except OSError:
            return  # It has just died, which poll reports.
        except Exception as error:  # A component may raise anything when it is serialized.
            text = f"it cannot be sent to a worker process: {describe(error)}"
            self._unsent.append((worker, WorkerEvent("failed", text)))

    def poll(self, seconds: float) -> list[tuple[int, WorkerEvent]]:
        """Wait up to ``seconds`` for events of any worker, and return them with the numbers of the workers."""
        if self._unsent:
            unsent, self._unsent = self._unsent, []
            return unsent
        wait([end for _, end in self._processes.values()], seconds)
        found = [(worker, self._read(process, end)) for worker, (process, end) in self._processes.items()]
        for worker, event in found:
            if event is not None and event.kind != "begun":
                self._busy.discard(worker)
            if event is not None and event.kind == "died":
                self.kill(worker)
        return [(worker, event) for worker, event in found if event is not None]

    def _read(self, process: BaseProcess, end: Connection) -> WorkerEvent | None:
        alive = process.is_alive()  # This comes first, since a process may end after its last message.
        try:
            if end.poll():
                message: WorkerEvent | LogMessage = end.recv()
                if isinstance(message, WorkerEvent):
                    return message
                message.deliver()
                return None
        except (EOFError, OSError):
            process.join()
        return None if alive and process.exitcode is None else WorkerEvent("died", ending(process.exitcode))

    def kill(self, worker: int) -> None:
        """End a worker at once if it is busy; an idle one may clean up, such as the locks of a progress bar."""
        process, end = self._processes.pop(worker)
        end.close()
        if worker not in self._busy:
            process.join(GRACE_SECONDS)
        self._busy.discard(worker)
        process.kill()
        process.join()

    def close(self) -> None:
        """End all workers."""
        for worker in list(self._processes):
            self.kill(worker)


def _serve(end: Connection, device: torch.device, data_dir: Path | None, level: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent is interrupted as well, and ends its workers.
    use_patient_streams()
    os.dup2(2, 1)  # Stdout is for the results that the parent prints.
    die_with_parent()
    torch.set_num_threads(1)
    turn = threading.Lock()  # A plug-in may log in several threads.

    def send(message: WorkerEvent | LogMessage) -> None:
        with turn:
            end.send(message)

    forward_logs(level, send)
    artifacts = Artifacts(device=device, data_dir=data_dir)
    while True:
        try:
            asked: CellJob | SettingTrial = end.recv()
        except EOFError:
            return
        except BaseException as error:
            send(WorkerEvent("failed", f"it cannot be sent to a worker process: {describe(error)}"))
            continue
        send(_answer(asked, artifacts, lambda: send(WorkerEvent("begun"))))


def _answer(asked: CellJob | SettingTrial, artifacts: Artifacts, begun: Callable[[], None]) -> WorkerEvent:
    """Compute a job or try a setting, and return the result or the error as an event."""
    try:
        if isinstance(asked, SettingTrial):
            facts = artifacts.facts(asked.setting.dataset)
            begun()
            cuts = tuple(cuts_of(asked.setting, artifacts))
            artifacts.check(replace(asked.setting, split=cuts[0]))
            return WorkerEvent("tried", facts=facts, cuts=cuts)
        artifacts.prepare(asked.cell.setting)
        begun()
        return WorkerEvent("done", outcome=run_job(asked, artifacts))
    except BaseException as error:
        return failure(error, foreign=isinstance(asked, CellJob) and asked.cell.foreign)
