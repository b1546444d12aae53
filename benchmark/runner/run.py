"""The execution of a plan in one or several processes, which can be interrupted and resumed."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ..evaluation.artifacts import Artifacts
from ..leaderboard.records import Record
from ..leaderboard.results_folder import record_path
from ..leaderboard.store import check_results_writable, read_record, rebuild, writing_results
from .interruption import Interrupted, signals_noted
from .jobs import CellJob, CellResult, run_job
from .kept_results import keep_result
from .options import RunOptions
from .processes import Processes
from .progress import Listener
from .resume import PlannedCell, remember_plan, unfinished
from .scheduler import Scheduler

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
    check_results_writable(options.out)
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
                    record = keep_result(outcome, options)
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
    groups: Sequence[Sequence[CellJob]], options: RunOptions, artifacts: Artifacts, listener: Listener
) -> Iterator[CellResult]:
    """Compute the jobs, except for those that another run into the same folder has finished in the meantime."""

    def known(job: CellJob) -> CellResult | None:
        path = record_path(options.out, job.cell_id)
        record = read_record(path) if path.exists() else None
        return CellResult(record) if record and job.is_finished_by(record) else None

    if options.engine == "local":
        own, foreign = _divided(groups, foreign=False), _divided(groups, foreign=True)
        if options.jobs in (None, 1) and options.cell_timeout is None:
            for job in itertools.chain.from_iterable(own):
                if (outcome := known(job)) is None:
                    logger.debug("Started %s.", job.cell.label)
                    listener.started(job.cell_id)
                    outcome = run_job(job, artifacts)
                yield outcome
        else:
            yield from _dispatched(own, options, artifacts, listener, known)
        yield from _dispatched(foreign, options, artifacts, listener, known)
    else:
        yield from _dispatched(groups, options, artifacts, listener, known)


def _divided(groups: Sequence[Sequence[CellJob]], *, foreign: bool) -> list[list[CellJob]]:
    """Select those jobs of each group that use a plug-in, or the others."""
    parts = [[job for job in group if job.cell.in_worker is foreign] for group in groups]
    return [part for part in parts if part]


def _dispatched(
    groups: Sequence[Sequence[CellJob]],
    options: RunOptions,
    artifacts: Artifacts,
    listener: Listener,
    known: Callable[[CellJob], CellResult | None],
) -> Iterator[CellResult]:
    """Compute jobs in worker processes, so that a plug-in that damages its process does not affect other cells."""
    if not groups:
        return
    workers, count, device = _workers(options, artifacts)
    with closing(workers):
        count = min(count, sum(map(len, groups)))
        scheduler = Scheduler(groups, workers, count=count, timeout=options.cell_timeout, device=device, known=known)
        yield from scheduler.run(listener)


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


def compute_again(job: CellJob, options: RunOptions, artifacts: Artifacts) -> CellResult:
    """Compute one cell again, in a worker process if a plug-in takes part, and write nothing.

    Raises:
        UsageError: If a parameter is wrong, or a cached file is damaged.
    """
    if not job.cell.in_worker:
        return run_job(job, artifacts)
    workers = Processes(options.torch_device, options.data_dir)
    with closing(workers):
        (result,) = Scheduler([[job]], workers, count=1, device=str(options.torch_device)).run(Listener())
    return result
