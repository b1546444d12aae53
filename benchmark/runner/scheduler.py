"""The scheduler, which distributes tasks to workers and handles workers that die or hang."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..evaluation.evaluate import incomplete
from .progress import Listener
from .tasks import CellResult, Task
from .worker_protocol import WorkerEvent, WorkerPool

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
"""The seconds to wait for events before checking whether a cell takes too long."""

MAX_WORKER_DEATHS = 2
"""The number of worker deaths after which a cell counts as failed."""


@dataclass
class Assignment:
    """Describe what a worker is working on.

    Attributes:
        rest: The remaining tasks of its group. The current task comes first.
        since: The monotonic time at which the current task began. None until then.

    Example: See ``Scheduler``, which keeps one for each busy worker.
    """

    rest: deque[Task]
    since: float | None = None


class Scheduler:
    """Give each worker a group of tasks that share work, one task at a time.

    If no group is waiting, an idle worker takes half of the tasks that another worker has not begun, since doing shared
    work twice costs less than an idle worker.

    Example: ``mia-bench run --jobs 2``
    """

    def __init__(
        self,
        groups: Sequence[Sequence[Task]],
        workers: WorkerPool,
        *,
        count: int,
        timeout: float | None = None,
        device: str,
        known: Callable[[Task], CellResult | None] = lambda task: None,
    ) -> None:
        """Distribute ``groups`` to ``count`` workers.

        Args:
            groups: Groups of tasks that share work, so that one worker should compute each group.
            workers: The workers that compute the tasks.
            count: The largest number of workers at a time.
            timeout: The seconds that a cell may take once everything that it shares with others is ready.
            device: The device for the records of cells that fail.
            known: A function that returns the result of a task if it need not be computed, called before its start.
        """
        self._waiting = deque(deque(group) for group in groups if group)
        self._workers = workers
        self._count = count
        self._timeout = timeout
        self._device = device
        self._known = known
        self._posts: dict[int, Assignment] = {}
        self._deaths: Counter[str] = Counter()

    def run(self, listener: Listener) -> Iterator[CellResult]:
        """Compute all tasks and yield their results in the order in which they are ready.

        Raises:
            UsageError: If a worker reports an error that the user must correct.
        """
        while self._waiting or self._posts:
            while len(self._posts) < self._count and (group := self._next()):
                yield from self._employ(group)
            for worker, news in self._workers.poll(POLL_SECONDS):
                if worker in self._posts:
                    yield from self._hear(worker, news, listener)
            yield from self._late()

    def _next(self) -> deque[Task]:
        """Return a waiting group, or else part of the longest group in progress. It is empty if there is none."""
        if self._waiting:
            return self._waiting.popleft()
        longest = max(self._posts.values(), key=lambda post: len(post.rest), default=None)
        if longest is None:
            return deque()
        current, *rest = longest.rest
        half = len(rest) // 2
        longest.rest = deque([current, *rest[half:]])
        return deque(rest[:half])

    def _employ(self, group: deque[Task], worker: int | None = None) -> Iterator[CellResult]:
        """Give the remaining tasks of a group to a worker, which is started if it is None."""
        while group and (found := self._known(group[0])):
            group.popleft()
            yield found
        if group:
            worker = self._workers.start() if worker is None else worker
            self._posts[worker] = Assignment(group)
            self._workers.submit(worker, group[0])
        elif worker is not None:
            self._workers.kill(worker)

    def _hear(self, worker: int, news: WorkerEvent, listener: Listener) -> Iterator[CellResult]:
        post = self._posts[worker]
        match news.kind:
            case "begun":
                post.since = time.monotonic()
                logger.debug("Started %s.", post.rest[0].cell.label)
                listener.started(post.rest[0].cell_id)
            case "done" | "failed":
                del self._posts[worker]
                outcome = news.outcome or self._failed(post.rest[0], news.text)
                post.rest.popleft()
                yield from self._employ(post.rest or self._next(), worker)
                yield outcome
            case "refused":
                raise UsageError(news.text)
            case "died" | "lost":
                yield from self._bury(worker, news)
            case "looked":
                raise AssertionError("Expected the result of a task, got that of a trial.")

    def _bury(self, worker: int, news: WorkerEvent) -> Iterator[CellResult]:
        rest = self._posts.pop(worker).rest
        task = rest[0]
        self._deaths[task.cell_id] += news.kind == "died"
        if self._deaths[task.cell_id] >= MAX_WORKER_DEATHS:
            yield self._failed(rest.popleft(), f"The worker process died twice ({news.text}).")
        if rest:
            self._waiting.appendleft(rest)

    def _late(self) -> Iterator[CellResult]:
        now = time.monotonic()
        for worker, post in list(self._posts.items()):
            if self._timeout is not None and post.since is not None and now - post.since > self._timeout:
                del self._posts[worker]
                self._workers.kill(worker)
                yield self._failed(
                    post.rest.popleft(), f"The cell took longer than --cell-timeout, {self._timeout:g} s."
                )
                if post.rest:
                    self._waiting.appendleft(post.rest)

    def _failed(self, task: Task, reason: str) -> CellResult:
        return CellResult(incomplete(task.cell, task.cell_id, status="failed", reason=reason, device=self._device))
