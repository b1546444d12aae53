"""Runs a plan: resumes where a killed run was, one record per cell, in this process or in several."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty
from typing import Literal, Protocol

import torch

from .cache import locked, write_atomically
from .cells import Cell, Request, Setting, plan
from .errors import UsageError
from .evaluation import evaluate, incomplete
from .leaderboard import Record, check_writable, read_record, rebuild, record_path, write_record
from .pictures import strip
from .spawning import without_main
from .workbench import Workbench

REBUILD_SECONDS = 10
"""How old the leaderboard may grow while cells are computed."""
PATIENCE_SECONDS = 0.2
"""How long to wait for news from the workers before looking whether they are alive."""


@dataclass(frozen=True)
class Where:
    """On what, from where and to where a plan runs."""

    out: Path
    data_dir: Path | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    jobs: int = 1

    @property
    def torch_device(self) -> torch.device:
        """The device to compute on.

        Raises:
            UsageError: if CUDA is asked for and absent.
        """
        if self.device == "cuda" and not torch.cuda.is_available():
            raise UsageError("--device is cuda, and torch finds no CUDA device; allowed here: auto, cpu")
        return torch.device("cuda" if self.device != "cpu" and torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class PlannedCell:
    """A cell, its name on disk, and the record that an earlier run left, if any."""

    cell: Cell
    cell_id: str
    record: Record | None

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do; failed cells are tried again."""
        return self.record is not None and self.record.row.status != "failed"


class Listener(Protocol):
    """Whoever is told how a run goes on."""

    def started(self, label: str) -> None:
        """A cell begins."""

    def finished(self, label: str, record: Record) -> None:
        """A cell has its record."""

    def note(self, message: str) -> None:
        """Something that takes long begins."""


def prepare(requests: Sequence[Request], where: Where, bench: Workbench) -> list[PlannedCell]:
    """Expand requests into cells and look up what is already done.

    Raises:
        UsageError: if anything about the requests, the data or the records is wrong.
    """
    cells = plan(*requests)
    fingerprints = {setting: bench.check(setting) for setting in dict.fromkeys(cell.setting for cell in cells)}
    planned = []
    for cell in cells:
        cell_id = cell.cell_id(fingerprints[cell.setting])
        path = record_path(where.out, cell_id)
        planned.append(PlannedCell(cell, cell_id, read_record(path) if path.exists() else None))
    return planned


def execute(planned: Sequence[PlannedCell], where: Where, bench: Workbench, listener: Listener) -> list[Record]:
    """Compute the cells that are not finished; every finished cell survives an interruption.

    Returns:
        The records of all planned cells, in their order.
    """
    check_writable(where.out)
    rebuild(where.out, read_plan(where.out))
    everything = _remember_plan(planned, where.out)
    done = {each.cell_id: each.record for each in planned if each.record and each.finished}
    labels = {each.cell_id: each.cell.label for each in planned}
    groups = _groups([each for each in planned if not each.finished])
    rebuilt = time.monotonic()
    records = _in_processes(groups, where, listener) if where.jobs > 1 else _here(groups, where, bench, listener)
    try:
        for record in records:
            done[record.row.cell_id] = record
            listener.finished(labels[record.row.cell_id], record)
            if time.monotonic() - rebuilt > REBUILD_SECONDS:
                rebuild(where.out, everything)
                rebuilt = time.monotonic()
    finally:
        rebuild(where.out, everything)
    return [done[each.cell_id] for each in planned]


def _groups(cells: Sequence[PlannedCell]) -> list[list[PlannedCell]]:
    def setting(each: PlannedCell) -> Setting:
        return each.cell.setting

    return [list(group) for _, group in itertools.groupby(cells, key=setting)]


def _compute(each: PlannedCell, out: Path, bench: Workbench) -> Record:
    path = record_path(out, each.cell_id)
    if path.exists() and (record := read_record(path)).row.status != "failed":
        return record  # another run into the same folder was faster
    record, images = evaluate(each.cell, each.cell_id, bench)
    kept = _keep(out, record)
    if images is not None:
        write_atomically(out / "pictures" / f"{each.cell_id}.png", strip(bench.originals(each.cell.setting), images))
    return kept


def _keep(out: Path, record: Record) -> Record:
    """Write a record, but never a failed one over a finished one; returns the one that stays."""
    path = record_path(out, record.row.cell_id)
    if record.row.status == "failed" and path.exists() and (old := read_record(path)).row.status != "failed":
        return old
    write_record(out, record)
    return record


def _here(
    groups: Sequence[Sequence[PlannedCell]], where: Where, bench: Workbench, listener: Listener
) -> Iterator[Record]:
    for each in itertools.chain.from_iterable(groups):
        listener.started(each.cell.label)
        yield _compute(each, where.out, bench)


Event = tuple[Literal["started", "finished", "note"], str, str]
"""What a worker tells: the kind, the cell's id if it is about a cell, and the label, the record or the message."""
_worker: tuple[Workbench, Path, Queue[Event]]


def _start_worker(where: Where, events: Queue[Event]) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends its workers
    threading.Thread(target=_die_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    bench = Workbench(
        device=where.torch_device, data_dir=where.data_dir, report=lambda message: events.put(("note", "", message))
    )
    _worker = bench, where.out, events


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(group: Sequence[PlannedCell]) -> None:
    bench, out, events = _worker
    for each in group:
        events.put(("started", each.cell_id, each.cell.label))
        events.put(("finished", each.cell_id, _compute(each, out, bench).model_dump_json()))


def _in_processes(groups: Sequence[Sequence[PlannedCell]], where: Where, listener: Listener) -> Iterator[Record]:
    """Share out the settings; a cell during which a worker died is tried once more, in a process of its own."""
    finished: set[str] = set()
    pending = list(groups)
    while pending:
        started: set[str] = set()
        for record in _pool(pending, where, listener, started):
            finished.add(record.row.cell_id)
            yield record
        pending = _without(pending, finished)
        suspects = [each for group in pending for each in group if each.cell_id in started]
        for each in suspects or itertools.chain(*(group[:1] for group in pending)):
            for record in _pool([[each]], where, listener, started):
                finished.add(record.row.cell_id)
                yield record
            if each.cell_id not in finished:
                finished.add(each.cell_id)
                yield _keep(where.out, _died(each, where))
        pending = _without(pending, finished)


def _without(groups: Sequence[Sequence[PlannedCell]], finished: set[str]) -> list[list[PlannedCell]]:
    left = [[each for each in group if each.cell_id not in finished] for group in groups]
    return [group for group in left if group]


def _died(each: PlannedCell, where: Where) -> Record:
    reason = "the worker process died, twice"
    return incomplete(each.cell, each.cell_id, status="failed", reason=reason, device=str(where.torch_device))


def _pool(
    groups: Sequence[Sequence[PlannedCell]], where: Where, listener: Listener, started: set[str]
) -> Iterator[Record]:
    context = multiprocessing.get_context("spawn")
    events: Queue[Event] = context.Queue()
    pool = ProcessPoolExecutor(min(where.jobs, len(groups)), context, _start_worker, (where, events))
    try:
        with without_main():  # the processes are started here
            futures = [pool.submit(_work, group) for group in groups]
        while not all(future.done() for future in futures):
            yield from _drain(events, listener, started)
        yield from _drain(events, listener, started)
        for future in as_completed(futures):
            if not isinstance(future.exception(), BrokenProcessPool):
                future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()


def _drain(events: Queue[Event], listener: Listener, started: set[str]) -> Iterator[Record]:
    while True:
        try:
            kind, cell_id, text = events.get(timeout=PATIENCE_SECONDS)
        except Empty:
            return
        if kind == "finished":
            yield Record.model_validate_json(text)
        elif kind == "started":
            started.add(cell_id)
            listener.started(text)
        else:
            listener.note(text)


def _plan_path(out: Path) -> Path:
    return out / "plan.json"


def _remember_plan(planned: Sequence[PlannedCell], out: Path) -> dict[str, str]:
    path = _plan_path(out)
    with locked(path):
        cells = read_plan(out) | {each.cell_id: each.cell.label for each in planned}
        write_atomically(path, (json.dumps(cells, indent=1) + "\n").encode())
    return cells


def read_plan(out: Path) -> dict[str, str]:
    """The cells that runs into a folder have planned, by id, with their labels.

    Raises:
        UsageError: if the plan is damaged.
    """
    path = _plan_path(out)
    if not path.exists():
        return {}
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))
        return {str(cell_id): str(label) for cell_id, label in cells.items()}
    except (ValueError, AttributeError, OSError) as error:
        raise UsageError(f"{path} is not a valid plan ({error}); delete it, no result is lost") from error
