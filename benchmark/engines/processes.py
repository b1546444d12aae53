"""Workers that are processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import cast

import torch

from ..errors import UsageError
from ..spawning import without_main
from ..workbench import Workbench
from .computing import Task, compute
from .dispatch import News


class Processes:
    """Fresh processes, of one thread each."""

    def __init__(self, device: torch.device, data_dir: Path | None) -> None:
        """Compute on ``device`` with data from ``data_dir``."""
        self._device, self._data_dir = device, data_dir
        self._context = multiprocessing.get_context("spawn")
        self._staff: dict[int, tuple[SpawnProcess, Connection]] = {}
        self._hired = 0

    def hire(self) -> int:
        """Start a worker; returns its number."""
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(there, self._device, self._data_dir))
        with without_main():
            process.start()
        there.close()
        self._hired += 1
        self._staff[self._hired] = process, cast(Connection, here)
        return self._hired

    def give(self, worker: int, task: Task) -> None:
        """Have an idle worker compute a task."""
        try:
            self._staff[worker][1].send(task)
        except OSError:
            return  # it has just died, which will be heard

    def listen(self, seconds: float) -> list[tuple[int, News]]:
        """Wait for news of any worker, at most so long."""
        wait([end for _, end in self._staff.values()], seconds)
        heard = [(worker, self._read(process, end)) for worker, (process, end) in self._staff.items()]
        for worker, news in heard:
            if news is not None and news.kind == "died":
                self.dismiss(worker)
        return [(worker, news) for worker, news in heard if news is not None]

    def _read(self, process: SpawnProcess, end: Connection) -> News | None:
        alive = process.is_alive()  # asked first: a process may end after its last words
        try:
            if end.poll():
                return end.recv()
        except (EOFError, OSError):
            process.join()
        return None if alive and process.exitcode is None else News("died", _ending(process.exitcode))

    def dismiss(self, worker: int) -> None:
        """End a worker at once, whatever it does."""
        process, end = self._staff.pop(worker)
        process.kill()
        process.join()
        end.close()

    def close(self) -> None:
        """End all workers."""
        for worker in list(self._staff):
            self.dismiss(worker)


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (", as when memory runs out" if name == "SIGKILL" else "")
    return f"exit code {code}"


def _serve(end: Connection, device: torch.device, data_dir: Path | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends its workers
    threading.Thread(target=_die_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    bench = Workbench(device=device, data_dir=data_dir, report=lambda message: end.send(News("note", message)))
    while True:
        try:
            task: Task = end.recv()
            bench.prepare(task.cell.setting)
            end.send(News("begun"))
            end.send(News("done", outcome=compute(task, bench)))
        except UsageError as error:
            end.send(News("refused", str(error)))
        except EOFError:
            return


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
