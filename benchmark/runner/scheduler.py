"""Shares tasks out to workers, wherever they are, and survives those that die or hang."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..evaluation.evaluate import incomplete
from .progress import Listener
from .tasks import CellResult, Task
from .worker_protocol import WorkerEvent, WorkerPool

POLL_SECONDS = 0.2
"""How long to wait for news before looking whether a cell takes too long."""

MAX_WORKER_DEATHS = 2
"""Workers that a cell may cost before it counts as failed."""


@dataclass
class Assignment:
    """A worker, the tasks left of its group with the current one first, and since when it works on that."""

    rest: deque[Task]
    since: float | None = None


class Scheduler:
    """Gives each worker a group of tasks that share their work, one task at a time.

    A worker that is free while no group waits takes over half of what another has not begun: shared work that is done
    twice costs less than a worker that does nothing.
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
        """Share ``groups`` out to ``count`` workers.

        Args:
            groups: tasks that are best computed by one worker.
            workers: where they are computed.
            count: workers at a time, at most.
            timeout: seconds that a cell may take once all that it shares with others is ready.
            device: what to write into the records of cells that fail.
            known: gives the outcome of a task that need not be computed, asked when its turn has come.
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
        """Compute everything; outcomes come in the order in which they are ready.

        Raises:
            UsageError: if a worker finds something that a person must mend.
        """
        while self._waiting or self._posts:
            while len(self._posts) < self._count and (group := self._next()):
                yield from self._employ(group)
            for worker, news in self._workers.poll(POLL_SECONDS):
                if worker in self._posts:
                    yield from self._hear(worker, news, listener)
            yield from self._late()

    def _next(self) -> deque[Task]:
        """A group that waits, or part of the longest one that is being worked on; empty if there is none."""
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
        """Give what is left to do of a group to a worker, a new one if there is none."""
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
                listener.started(post.rest[0].cell.label)
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
                raise AssertionError("nobody was asked to look")

    def _bury(self, worker: int, news: WorkerEvent) -> Iterator[CellResult]:
        rest = self._posts.pop(worker).rest
        task = rest[0]
        self._deaths[task.cell_id] += news.kind == "died"
        if self._deaths[task.cell_id] >= MAX_WORKER_DEATHS:
            yield self._failed(rest.popleft(), f"the worker process died, twice ({news.text})")
        if rest:
            self._waiting.appendleft(rest)

    def _late(self) -> Iterator[CellResult]:
        now = time.monotonic()
        for worker, post in list(self._posts.items()):
            if self._timeout is not None and post.since is not None and now - post.since > self._timeout:
                del self._posts[worker]
                self._workers.kill(worker)
                yield self._failed(post.rest.popleft(), f"took longer than --cell-timeout, {self._timeout:g} s")
                if post.rest:
                    self._waiting.appendleft(post.rest)

    def _failed(self, task: Task, reason: str) -> CellResult:
        return CellResult(incomplete(task.cell, task.cell_id, status="failed", reason=reason, device=self._device))
