"""Runs a plan: resumes where a killed run was, one record per cell, in this process or in several."""

from __future__ import annotations

import importlib.util
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import torch
from pydantic import TypeAdapter, ValidationError

from ..errors import UsageError
from ..evaluation.artifacts import Workbench
from ..leaderboard.records import CellId
from ..leaderboard.stale import FOLDER, find_record, set_aside
from ..leaderboard.store import Record, check_writable, read_record, rebuild, record_path, write_record, writing
from ..plan.cells import Request, Setting, plan
from ..utils.cache import locked, write_atomically
from ..utils.files import Unreadable, read_json
from .plugin_trial import look
from .processes import Processes
from .scheduler import Dispatch
from .tasks import Outcome, Task, compute

if TYPE_CHECKING:
    from .ray_workers import RayWorkers

REBUILD_SECONDS = 10
"""How old the leaderboard may grow while cells are computed."""
REBUILD_SHARE = 0.02
"""Share of the time that may go into rebuilding it."""

_PLAN = TypeAdapter(dict[CellId, str])


@dataclass(frozen=True)
class Where:
    """On what, from where and to where a plan runs."""

    out: Path
    data_dir: Path | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    jobs: int | None = None
    cell_timeout: float | None = None
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    gpus_per_cell: float | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises:
            UsageError: if something does not, or Ray is wanted and absent.
        """
        if self.out.exists() and not self.out.is_dir():
            raise UsageError(
                f"cannot write results to {self.out}: it is a file; expected a folder, which need not exist"
            )
        for option, value in (("--address", self.address), ("--gpus-per-cell", self.gpus_per_cell)):
            if self.engine == "local" and value is not None:
                raise UsageError(f"{option} is {value}, which has a meaning only with --engine ray")
        if not 0 <= (self.gpus_per_cell or 0) <= 1:
            raise UsageError(f"--gpus-per-cell is {self.gpus_per_cell}; it must be between 0 and 1")
        if self.gpus_per_cell and self.device == "cpu":
            raise UsageError(f"--gpus-per-cell is {self.gpus_per_cell:g}, and --device is cpu; allowed are auto, cuda")
        if self.gpus_per_cell == 0 and self.device == "cuda":
            raise UsageError("--gpus-per-cell is 0, and --device is cuda; it must be more, and at most 1")
        if self.engine == "ray" and importlib.util.find_spec("ray") is None:
            raise UsageError("--engine is ray, and Ray is not installed: pip install 'mia-bench[ray]'")

    @property
    def torch_device(self) -> torch.device:
        """The device to compute on in this process: with Ray it only reads data, and needs no GPU.

        Raises:
            UsageError: if CUDA is asked for and absent.
        """
        if self.engine == "ray":
            return torch.device("cpu")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise UsageError("--device is cuda, and torch finds no CUDA device; allowed here: auto, cpu")
        return torch.device("cuda" if self.device != "cpu" and torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class PlannedCell(Task):
    """A cell, its name on disk, and the record that an earlier run left, if any."""

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
    fingerprints = _fingerprints(list(dict.fromkeys(cell.setting for cell in cells)), where, bench)
    planned = []
    for cell in cells:
        cell_id = cell.cell_id(fingerprints[cell.setting])
        planned.append(PlannedCell(cell, cell_id, find_record(where.out, cell_id)))
    return planned


def _fingerprints(settings: Sequence[Setting], where: Where, bench: Workbench) -> dict[Setting, str]:
    """Make sure that settings can be made; those with data or a model of a plug-in are tried in a worker process.

    Returns:
        The fingerprints of their data.
    """
    foreign = [setting for setting in settings if setting.dataset.entry.foreign or setting.model.entry.foreign]
    if foreign:
        workers = Processes(where.torch_device, where.data_dir)
        for setting, facts in look(foreign, workers, bench.report):
            bench.learn(setting.dataset, facts)
    here = settings if where.engine == "ray" else [setting for setting in settings if setting not in foreign]
    found = {setting: bench.check(setting) for setting in here}
    return {setting: found.get(setting) or bench.facts(setting.dataset).fingerprint for setting in settings}


def execute(planned: Sequence[PlannedCell], where: Where, bench: Workbench, listener: Listener) -> list[Record]:
    """Compute the cells that are not finished; every finished cell survives an interruption.

    Returns:
        The records of all planned cells, in their order.
    """
    check_writable(where.out)
    everything = _remember_plan(planned, where.out, bench, listener)
    done = {each.cell_id: each.record for each in planned if each.record and each.finished}
    labels = {each.cell_id: each.cell.label for each in planned}
    groups = unfinished(planned)
    board = _Board(where.out, everything)
    try:
        for outcome in _outcomes(groups, where, bench, listener):
            with writing(where.out):
                record = _keep(where.out, outcome)
            done[record.row.cell_id] = record
            listener.finished(labels[record.row.cell_id], record)
            board.refresh()
    finally:
        with writing(where.out):
            rebuild(where.out, everything)
    return [done[each.cell_id] for each in planned]


class _Board:
    """The leaderboard while a run goes on."""

    def __init__(self, out: Path, planned: dict[str, str]) -> None:
        self._out, self._planned = out, planned
        self._next = time.monotonic() + REBUILD_SECONDS

    def refresh(self) -> None:
        """Rebuild it if it has grown old, but not so often that it takes more than its share."""
        start = time.monotonic()
        if start > self._next:
            with writing(self._out):
                rebuild(self._out, self._planned)
            end = time.monotonic()
            self._next = end + max(REBUILD_SECONDS, (end - start) / REBUILD_SHARE)


def unfinished(planned: Sequence[PlannedCell]) -> list[list[Task]]:
    """What is left to do, those of one setting together."""

    def setting(task: Task) -> Setting:
        return task.cell.setting

    tasks = [Task(each.cell, each.cell_id) for each in planned if not each.finished]
    return [list(group) for _, group in itertools.groupby(tasks, key=setting)]


def _outcomes(
    groups: Sequence[Sequence[Task]], where: Where, bench: Workbench, listener: Listener
) -> Iterator[Outcome]:
    """Compute the tasks; what another run into the same folder has done meanwhile is taken from there."""

    def known(task: Task) -> Outcome | None:
        path = record_path(where.out, task.cell_id)
        record = read_record(path) if path.exists() else None
        return Outcome(record) if record and record.row.status != "failed" else None

    if where.engine == "local":
        own, foreign = _divided(groups, foreign=False), _divided(groups, foreign=True)
        if where.jobs in (None, 1) and where.cell_timeout is None:
            for task in itertools.chain.from_iterable(own):
                if (outcome := known(task)) is None:
                    listener.started(task.cell.label)
                    outcome = compute(task, bench)
                yield outcome
        else:
            yield from _dispatched(own, where, bench, listener, known)
        yield from _dispatched(foreign, where, bench, listener, known)
    else:
        yield from _dispatched(groups, where, bench, listener, known)


def _divided(groups: Sequence[Sequence[Task]], *, foreign: bool) -> list[list[Task]]:
    """Those tasks of each group in which a plug-in takes part, or the others."""
    parts = [[task for task in group if task.cell.foreign is foreign] for group in groups]
    return [part for part in parts if part]


def _dispatched(
    groups: Sequence[Sequence[Task]],
    where: Where,
    bench: Workbench,
    listener: Listener,
    known: Callable[[Task], Outcome | None],
) -> Iterator[Outcome]:
    """Compute tasks in workers of their own, so that nothing that a plug-in does to its process reaches other cells."""
    if not groups:
        return
    workers, count, device = _workers(where, bench)
    with closing(workers):
        count = min(count, sum(map(len, groups)))
        dispatch = Dispatch(groups, workers, count=count, timeout=where.cell_timeout, device=device, known=known)
        yield from dispatch.run(listener)


def _workers(where: Where, bench: Workbench) -> tuple[Processes | RayWorkers, int, str]:
    """Workers, how many there may be at a time, and the device that they compute on."""
    if where.engine == "local":
        device = where.torch_device
        return Processes(device, where.data_dir), where.jobs or 1, str(device)
    from .ray_workers import RayWorkers

    workers = RayWorkers(bench, device=where.device, address=where.address, gpus=where.gpus_per_cell, jobs=where.jobs)
    return workers, workers.count, workers.device


def _keep(out: Path, outcome: Outcome) -> Record:
    """Write a record and its strip, but never a failed one over a finished one; returns the one that stays."""
    record = outcome.record
    path = record_path(out, record.row.cell_id)
    if path.exists() and (old := read_record(path)).row.status != "failed":
        return old
    if outcome.picture is not None:
        write_atomically(out / "pictures" / f"{record.row.cell_id}.png", outcome.picture)
    write_record(out, record)
    return record


def _plan_path(out: Path) -> Path:
    return out / "plan.json"


def _remember_plan(planned: Sequence[PlannedCell], out: Path, bench: Workbench, listener: Listener) -> dict[str, str]:
    path, datasets = _plan_path(out), {each.cell.setting.dataset for each in planned}
    with writing(out), locked(path):
        old = set_aside(out, planned, {each.canonical: bench.facts(each).fingerprint for each in datasets})
        if old:
            listener.note(
                f"{len(old)} records are of another version or other data: set aside in {out / FOLDER}, to be computed "
                "anew"
            )
        before = read_plan(out)
        rebuild(out, [*before, *old])
        cells = {old.get(cell_id, cell_id): label for cell_id, label in before.items()}
        cells |= {each.cell_id: each.cell.label for each in planned}
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
        return _PLAN.validate_python(read_json(path))
    except (Unreadable, ValidationError) as error:
        reason = str(error) if isinstance(error, Unreadable) else "expected the label of each cell by its cell_id"
        raise UsageError(f"{path} is not a valid plan ({reason}); delete it, no result is lost") from error
