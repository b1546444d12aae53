"""The scheduler, which distributes jobs to workers and handles workers that die or hang."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..evaluation.evaluate import incomplete
from .jobs import CellJob, CellResult
from .progress import Listener
from .worker_protocol import POLL_SECONDS, WorkerEvent, WorkerPool

logger = logging.getLogger(__name__)


MAX_WORKER_DEATHS = 2
"""The number of worker deaths after which a cell counts as failed."""


@dataclass
class Assignment:
    """Describe what a worker is working on.

    Attributes:
        rest: The remaining jobs of its group. The current job comes first.
        since: The monotonic time at which the current job began. None until then.

    Example: See ``Scheduler``, which keeps one for each busy worker.
    """

    rest: deque[CellJob]
    since: float | None = None


class Scheduler:
    """Give each worker a group of jobs that share work, one job at a time.

    If no group is waiting, an idle worker takes half of the jobs that another worker has not begun, since doing shared
    work twice costs less than an idle worker.

    Example: ``mia-bench run --jobs 2``
    """

    def __init__(
        self,
        groups: Sequence[Sequence[CellJob]],
        workers: WorkerPool,
        *,
        count: int,
        timeout: float | None = None,
        device: str,
        known: Callable[[CellJob], CellResult | None] = lambda job: None,
    ) -> None:
        """Distribute ``groups`` to ``count`` workers.

        Args:
            groups: Groups of jobs that share work, so that one worker should compute each group.
            workers: The workers that compute the jobs.
            count: The largest number of workers at a time.
            timeout: The seconds that a cell may take once everything that it shares with others is ready.
            device: The device for the records of cells that fail.
            known: A function that returns the result of a job if it need not be computed, called before its start.
        """
        self._waiting = deque(deque(group) for group in groups if group)
        self._workers = workers
        self._count = count
        self._timeout = timeout
        self._device = device
        self._known = known
        self._assignments: dict[int, Assignment] = {}
        self._deaths: Counter[str] = Counter()

    def run(self, listener: Listener) -> Iterator[CellResult]:
        """Compute all jobs and yield their results in the order in which they are ready.

        Raises:
            UsageError: If a worker reports an error that the user must correct.
        """
        while self._waiting or self._assignments:
            while len(self._assignments) < self._count and (group := self._next()):
                yield from self._assign(group)
            for worker, event in self._workers.poll(POLL_SECONDS):
                if worker in self._assignments:
                    yield from self._handle(worker, event, listener)
            yield from self._stop_late_cells()

    def _next(self) -> deque[CellJob]:
        """Return a waiting group, or else part of the longest group in progress. It is empty if there is none."""
        if self._waiting:
            return self._waiting.popleft()
        longest = max(self._assignments.values(), key=lambda assignment: len(assignment.rest), default=None)
        if longest is None:
            return deque()
        current, *rest = longest.rest
        half = len(rest) // 2
        longest.rest = deque([current, *rest[half:]])
        return deque(rest[:half])

    def _assign(self, group: deque[CellJob], worker: int | None = None) -> Iterator[CellResult]:
        """Give the remaining jobs of a group to a worker, which is started if it is None."""
        while group and (found := self._known(group[0])):
            group.popleft()
            yield found
        if group:
            worker = self._workers.start() if worker is None else worker
            self._assignments[worker] = Assignment(group)
            self._workers.submit(worker, group[0])
        elif worker is not None:
            self._workers.kill(worker)

    def _handle(self, worker: int, event: WorkerEvent, listener: Listener) -> Iterator[CellResult]:
        assignment = self._assignments[worker]
        match event.kind:
            case "begun":
                assignment.since = time.monotonic()
                logger.debug("Started %s.", assignment.rest[0].cell.label)
                listener.started(assignment.rest[0].cell_id)
            case "done" | "failed":
                del self._assignments[worker]
                outcome = event.outcome or self._failed(assignment.rest[0], event.text)
                assignment.rest.popleft()
                yield from self._assign(assignment.rest or self._next(), worker)
                yield outcome
            case "refused":
                raise UsageError(event.text)
            case "died" | "lost":
                yield from self._handle_death(worker, event)
            case "tried":
                raise AssertionError("Expected the result of a job, got that of a trial.")

    def _handle_death(self, worker: int, event: WorkerEvent) -> Iterator[CellResult]:
        rest = self._assignments.pop(worker).rest
        job = rest[0]
        self._deaths[job.cell_id] += event.kind == "died"
        if self._deaths[job.cell_id] >= MAX_WORKER_DEATHS:
            yield self._failed(rest.popleft(), f"The worker process died twice ({event.text}).")
        if rest:
            self._waiting.appendleft(rest)

    def _stop_late_cells(self) -> Iterator[CellResult]:
        now = time.monotonic()
        for worker, assignment in list(self._assignments.items()):
            if self._timeout is not None and assignment.since is not None and now - assignment.since > self._timeout:
                del self._assignments[worker]
                self._workers.kill(worker)
                yield self._failed(
                    assignment.rest.popleft(), f"The cell took longer than --cell-timeout, {self._timeout:g} s."
                )
                if assignment.rest:
                    self._waiting.appendleft(assignment.rest)

    def _failed(self, job: CellJob, reason: str) -> CellResult:
        return CellResult(incomplete(job.cell, job.cell_id, status="failed", reason=reason, device=self._device))
