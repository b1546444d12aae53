"""Runs a plan: resumes where a killed run was, one record per cell, in this process or in several."""

from __future__ import annotations

import itertools
import json
import multiprocessing
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
from .workbench import Workbench

REBUILD_SECONDS = 10
"""How old the leaderboard may grow while cells are computed."""


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


def prepare(request: Request, where: Where, bench: Workbench) -> list[PlannedCell]:
    """Expand a request into cells and look up what is already done.

    Raises:
        UsageError: if anything about the request, the data or the records is wrong.
    """
    cells = plan(request)
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
    records = (
        _in_processes(groups, where, listener)
        if where.jobs > 1 and len(groups) > 1
        else _here(groups, where, bench, listener)
    )
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
    if images is not None:
        write_atomically(out / "pictures" / f"{each.cell_id}.png", strip(bench.originals(each.cell.setting), images))
    write_record(out, record)
    return record


def _here(
    groups: Sequence[Sequence[PlannedCell]], where: Where, bench: Workbench, listener: Listener
) -> Iterator[Record]:
    for each in itertools.chain.from_iterable(groups):
        listener.started(each.cell.label)
        yield _compute(each, where.out, bench)


Event = tuple[Literal["started", "finished", "note"], str]
_worker: tuple[Workbench, Path, Queue[Event]]


def _start_worker(where: Where, events: Queue[Event]) -> None:
    global _worker
    torch.set_num_threads(1)
    bench = Workbench(
        device=where.torch_device, data_dir=where.data_dir, report=lambda message: events.put(("note", message))
    )
    _worker = bench, where.out, events


def _work(group: Sequence[PlannedCell]) -> None:
    bench, out, events = _worker
    for each in group:
        events.put(("started", each.cell.label))
        events.put(("finished", _compute(each, out, bench).model_dump_json()))


def _in_processes(groups: Sequence[Sequence[PlannedCell]], where: Where, listener: Listener) -> Iterator[Record]:
    """Share out the settings; those that a dying worker leaves behind get a process of their own."""
    seen: set[str] = set()
    left = list(groups)
    for batch, workers in ((left, where.jobs), *(([group], 1) for group in left)):
        unfinished = [[each for each in group if each.cell_id not in seen] for group in batch]
        for record in _pool([group for group in unfinished if group], where, workers, listener):
            seen.add(record.row.cell_id)
            yield record
    for each in itertools.chain.from_iterable(groups):
        if each.cell_id not in seen:
            reason = "the worker process died, twice"
            record = incomplete(each.cell, each.cell_id, status="failed", reason=reason, device=str(where.torch_device))
            write_record(where.out, record)
            yield record


def _pool(groups: Sequence[Sequence[PlannedCell]], where: Where, workers: int, listener: Listener) -> Iterator[Record]:
    if not groups:
        return
    context = multiprocessing.get_context("spawn")
    events: Queue[Event] = context.Queue()
    pool = ProcessPoolExecutor(min(workers, len(groups)), context, _start_worker, (where, events))
    try:
        futures = [pool.submit(_work, group) for group in groups]
        while not all(future.done() for future in futures):
            yield from _drain(events, listener, patience=0.2)
        yield from _drain(events, listener, patience=0.2)
        for future in as_completed(futures):
            if not isinstance(future.exception(), BrokenProcessPool):
                future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _drain(events: Queue[Event], listener: Listener, *, patience: float) -> Iterator[Record]:
    while True:
        try:
            kind, text = events.get(timeout=patience)
        except Empty:
            return
        if kind == "finished":
            yield Record.model_validate_json(text)
        elif kind == "started":
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
    except (ValueError, AttributeError) as error:
        raise UsageError(f"{path} is not a valid plan ({error}); delete it, no result is lost") from error
