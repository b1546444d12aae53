"""The execution of a plan in one or several processes, which can be interrupted and resumed."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ..evaluation.artifacts import Artifacts
from ..leaderboard.audits import audit, notice
from ..leaderboard.flag_kinds import INCOMPLETE
from ..leaderboard.records import PERCEPTUAL
from ..leaderboard.results_folder import images_path, record_path, strip_path
from ..leaderboard.store import (
    Record,
    check_writable,
    read_record,
    rebuild,
    write_record,
    writing_results,
)
from ..utils.atomic_files import write_atomically
from ..utils.plurals import count_of, fitting
from .cell_labels import divided_labels
from .countdown import Countdown
from .estimates import estimate
from .interruption import Interrupted, signals_noted
from .notebook_progress import NotebookDisplay
from .opening import opening
from .options import RunOptions
from .processes import Processes
from .progress import Display, Listener
from .resume import PlannedCell, remember_plan, unfinished
from .scheduler import Scheduler
from .tasks import CellResult, Task, run_task, write_images
from .timings import timings_of

if TYPE_CHECKING:
    from .ray_workers import RayWorkers

logger = logging.getLogger(__name__)

REBUILD_SECONDS = 10
"""The age in seconds from which the leaderboard is rebuilt while cells are computed."""

REBUILD_SHARE = 0.02
"""The largest share of the time that is spent on rebuilding the leaderboard."""


def execute(
    planned: Sequence[PlannedCell], options: RunOptions, artifacts: Artifacts, listener: Listener
) -> list[Record]:
    """Compute the cells that are not finished. Finished cells are kept if the run is interrupted.

    Returns:
        The records of all planned cells, in their order.
    """
    check_writable(options.out)
    everything = remember_plan(planned, options.out, artifacts)
    done = {each.cell_id: each.record for each in planned if each.record and each.finished}
    groups = unfinished(planned)
    if not groups:
        return [done[each.cell_id] for each in planned]
    board = LeaderboardWriter(options.out, everything)
    try:
        with signals_noted() as came:
            for outcome in _outcomes(groups, options, artifacts, listener):
                if came:  # A library has swallowed the exception of the signal, so the result may be wrong.
                    raise Interrupted(came[-1])
                with writing_results(options.out):
                    record = _keep(options, outcome)
                done[record.row.cell_id] = record
                listener.finished(record.row.cell_id, record)
                board.refresh()
    finally:
        with writing_results(options.out):
            rebuild(options.out, everything)
    return [done[each.cell_id] for each in planned]


class LeaderboardWriter:
    """Keep the leaderboard up to date during a run.

    Example: See ``execute``, which refreshes it after each cell.
    """

    def __init__(self, out: Path, planned: dict[str, str]) -> None:
        self._out, self._planned = out, planned
        self._next = time.monotonic() + REBUILD_SECONDS

    def refresh(self) -> None:
        """Rebuild the leaderboard if it is out of date, at most so often that it takes 2 % of the time."""
        start = time.monotonic()
        if start > self._next:
            with writing_results(self._out):
                rebuild(self._out, self._planned)
            end = time.monotonic()
            self._next = end + max(REBUILD_SECONDS, (end - start) / REBUILD_SHARE)


def _outcomes(
    groups: Sequence[Sequence[Task]], options: RunOptions, artifacts: Artifacts, listener: Listener
) -> Iterator[CellResult]:
    """Compute the tasks, except for those that another run into the same folder has finished in the meantime."""

    def known(task: Task) -> CellResult | None:
        path = record_path(options.out, task.cell_id)
        record = read_record(path) if path.exists() else None
        return CellResult(record) if record and task.is_finished_by(record) else None

    if options.engine == "local":
        own, foreign = _divided(groups, foreign=False), _divided(groups, foreign=True)
        if options.jobs in (None, 1) and options.cell_timeout is None:
            for task in itertools.chain.from_iterable(own):
                if (outcome := known(task)) is None:
                    logger.debug("Started %s.", task.cell.label)
                    listener.started(task.cell_id)
                    outcome = run_task(task, artifacts)
                yield outcome
        else:
            yield from _dispatched(own, options, artifacts, listener, known)
        yield from _dispatched(foreign, options, artifacts, listener, known)
    else:
        yield from _dispatched(groups, options, artifacts, listener, known)


def _divided(groups: Sequence[Sequence[Task]], *, foreign: bool) -> list[list[Task]]:
    """Select those tasks of each group that use a plug-in, or the others."""
    parts = [[task for task in group if task.cell.in_worker is foreign] for group in groups]
    return [part for part in parts if part]


def _dispatched(
    groups: Sequence[Sequence[Task]],
    options: RunOptions,
    artifacts: Artifacts,
    listener: Listener,
    known: Callable[[Task], CellResult | None],
) -> Iterator[CellResult]:
    """Compute tasks in worker processes, so that a plug-in that damages its process does not affect other cells."""
    if not groups:
        return
    workers, count, device = _workers(options, artifacts)
    with closing(workers):
        count = min(count, sum(map(len, groups)))
        dispatch = Scheduler(groups, workers, count=count, timeout=options.cell_timeout, device=device, known=known)
        yield from dispatch.run(listener)


def _workers(options: RunOptions, artifacts: Artifacts) -> tuple[Processes | RayWorkers, int, str]:
    """Return the workers, the largest number of them at a time, and the device that they compute on."""
    if options.engine == "local":
        device = options.torch_device
        return Processes(device, options.data_dir), options.jobs or 1, str(device)
    from .ray_workers import RayWorkers

    workers = RayWorkers(
        artifacts, device=options.device, address=options.address, gpus=options.gpus_per_cell, jobs=options.jobs
    )
    return workers, workers.count, workers.device


def _keep(options: RunOptions, outcome: CellResult) -> Record:
    """Write a record and its images, unless it has failed and a finished one exists. Return the record that is kept."""
    out, record = options.out, outcome.record
    path = record_path(out, record.row.cell_id)
    if path.exists():
        old = read_record(path)
        if not _improves(record, old):
            return old
        record = _with_measures_of(record, old)
    if outcome.strip is not None:
        write_atomically(strip_path(out, record.row.cell_id), outcome.strip)
    if outcome.images is not None and options.keep_images:
        write_images(images_path(out, record.row.cell_id), outcome.images)
    write_record(out, record)
    return record


def compute_again(task: Task, options: RunOptions, artifacts: Artifacts) -> CellResult:
    """Compute one cell again, in a worker process if a plug-in takes part, and write nothing.

    Raises:
        UsageError: If a parameter is wrong, or a cached file is damaged.
    """
    if not task.cell.in_worker:
        return run_task(task, artifacts)
    workers = Processes(options.torch_device, options.data_dir)
    with closing(workers):
        (result,) = Scheduler([[task]], workers, count=1, device=str(options.torch_device)).run(Listener())
    return result


def _improves(record: Record, old: Record) -> bool:
    """Return whether a record replaces an old one: that has failed, or lacks a perceptual measure."""
    if old.row.status == "failed":
        return True
    return any(getattr(old.row, name) is None and getattr(record.row, name) is not None for name in PERCEPTUAL)


def _with_measures_of(record: Record, old: Record) -> Record:
    """Return a record with the perceptual measures of an old one that it lacks."""
    kept = {name: getattr(old.row, name) for name in PERCEPTUAL if getattr(record.row, name) is None}
    return record.model_copy(update={"row": record.row.model_copy(update=kept)})


def compute(
    planned: Sequence[PlannedCell],
    options: RunOptions,
    artifacts: Artifacts,
    *,
    quiet: bool = False,
    display: type[Display] | type[NotebookDisplay] = Display,
) -> list[Record]:
    """Compute the cells that are not finished, and show the progress on stderr by ``display`` unless ``quiet``.

    Returns:
        The records of all planned cells, in their order.
    """
    listener = None if quiet else _display(planned, options, artifacts, display)
    with listener or nullcontext():
        return execute(planned, options, artifacts, listener or Listener())


def _display(
    planned: Sequence[PlannedCell],
    options: RunOptions,
    artifacts: Artifacts,
    display: type[Display] | type[NotebookDisplay],
) -> Display | NotebookDisplay | None:
    """Log what will be computed and how long it takes, and return the progress display if there is work to do."""
    tasks = unfinished(planned)
    groups = [[task.cell for task in group] for group in tasks]
    known = timings_of(each.record for each in planned if each.record)
    need = estimate(groups, artifacts, known, options.jobs or 1)
    shared, short = divided_labels(list(need.by_cell))
    for sentence in opening(len(planned), need, shared):
        logger.info("%s", sentence)
    ids = {task.cell: task.cell_id for task in itertools.chain.from_iterable(tasks)}
    names = {ids[cell]: name for cell, name in short.items()}
    seconds = {ids[cell]: each for cell, each in need.by_cell.items()}
    training = {ids[cell]: each for cell, each in need.training.items()}
    return display(names, Countdown(need.seconds, seconds, training)) if names else None


def tell_doubts(records: Sequence[Record]) -> int:
    """Log what the audits find and how many cells failed. Return the number of failed cells."""
    found = audit([record.row for record in records], {record.row.cell_id: record for record in records})
    flags = [flag for flag in found if flag.name != INCOMPLETE]  # A run may be a part of a board.
    for line in notice(flags):
        logger.warning("%s", line)
    if flags:
        logger.warning("For the figures and likely causes of each flag, run mia-bench audit on the results folder.")
    failed = sum(record.row.status == "failed" for record in records)
    if failed:
        cells, reasons = count_of(len(records), "cell"), fitting(failed, "Its reason is", "Their reasons are")
        logger.warning("%d of %s failed. %s in the leaderboard.", failed, cells, reasons)
    return failed
