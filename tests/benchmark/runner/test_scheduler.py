"""Tasks and the workers that compute them, die, hang and get lost."""

from collections import deque
from collections.abc import Callable, Iterator

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation.evaluate import incomplete
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.runner import scheduler
from mia_bench.benchmark.runner.jobs import CellJob, CellResult
from mia_bench.benchmark.runner.progress import Listener
from mia_bench.benchmark.runner.scheduler import Scheduler
from mia_bench.benchmark.runner.worker_protocol import WorkerEvent


def name(index: int) -> str:
    return f"{index:016x}"


JOBS = [
    CellJob(cell, name(index))
    for index, cell in enumerate(plan(Request(attacks=["ridge", "pinv"], defenses=["dp_ir:sigma=0.1", "topk"])))
]
GROUPS = [JOBS[0:3], JOBS[3:6], JOBS[6:9]]
Act = Callable[[CellJob], list[WorkerEvent]]


class Script:
    """Workers that act as told, and a list of what became of them."""

    def __init__(self, act: Act) -> None:
        self.act = act
        self.started = 0
        self.given: list[tuple[int, str]] = []
        self.killed: list[int] = []
        self.news: deque[tuple[int, WorkerEvent]] = deque()
        self.most = 0

    def start(self) -> int:
        self.started += 1
        self.most = max(self.most, self.started - len(self.killed))
        return self.started

    def submit(self, worker: int, job: CellJob) -> None:
        assert worker not in self.killed
        self.given.append((worker, job.cell_id))
        self.news.extend((worker, news) for news in self.act(job))

    def poll(self, seconds: float) -> list[tuple[int, WorkerEvent]]:
        heard = list(self.news)
        self.news.clear()
        for worker, news in heard:
            if news.kind in ("died", "lost"):
                self.killed.append(worker)
        return heard

    def kill(self, worker: int) -> None:
        self.killed.append(worker)


class Ear(Listener):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def started(self, cell_id: str) -> None:
        self.heard.append(cell_id)


def finish(job: CellJob) -> list[WorkerEvent]:
    record = incomplete(job.cell, job.cell_id, status="inapplicable", reason="", device="cpu")
    return [WorkerEvent("begun"), WorkerEvent("done", outcome=CellResult(record))]


def run(act: Act, count: int = 2, **options: object) -> tuple[dict[str, tuple[str, str]], Script, Ear]:
    workers, ear = Script(act), Ear()
    outcomes: Iterator[CellResult] = Scheduler(GROUPS, workers, count=count, device="cpu", **options).run(ear)  # pyright: ignore[reportArgumentType]
    rows = [outcome.record.row for outcome in outcomes]
    assert len({row.cell_id for row in rows}) == len(rows)
    return {row.cell_id: (row.status, row.reason) for row in rows}, workers, ear


DONE = {job.cell_id: ("inapplicable", "") for job in JOBS}


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_task_is_computed_once(count: int) -> None:
    results, workers, ear = run(finish, count)

    assert results == DONE
    assert sorted(cell for _, cell in workers.given) == sorted(DONE)
    assert workers.most == count
    assert sorted(workers.killed) == list(range(1, workers.started + 1))
    assert sorted(ear.heard) == sorted(job.cell_id for job in JOBS)


def test_a_group_is_computed_by_one_worker_while_other_groups_wait() -> None:
    _, workers, _ = run(finish, 2)

    of = {cell: worker for worker, cell in workers.given}
    assert all(len({of[job.cell_id] for job in group}) == 1 for group in GROUPS[:2])


def test_a_worker_for_whom_no_group_waits_takes_over_half_of_another_ones_rest() -> None:
    workers = Script(finish)

    outcomes = list(Scheduler([JOBS], workers, count=2, device="cpu").run(Ear()))

    assert len(outcomes) == len(JOBS)
    assert workers.given[:2] == [(1, name(0)), (2, name(1))]
    assert {sum(worker == which for worker, _ in workers.given) for which in (1, 2)} <= {4, 5}
    assert workers.started == 2


def test_a_single_task_is_not_taken_over() -> None:
    workers = Script(finish)

    list(Scheduler([JOBS[:2]], workers, count=2, device="cpu").run(Ear()))

    assert [worker for worker, _ in workers.given] == [1, 1]
    assert workers.started == 1


def killer(*kinds: str) -> Act:
    """Has the fifth job end its workers in these ways, one after the other."""
    left = deque(kinds)

    def act(job: CellJob) -> list[WorkerEvent]:
        if job.cell_id == name(4) and left:
            kind = left.popleft()
            return [
                WorkerEvent("begun"),
                WorkerEvent("died", "of a cold") if kind == "died" else WorkerEvent("lost", "the node is gone"),
            ]
        return finish(job)

    return act


def test_a_cell_that_costs_two_workers_fails_and_the_rest_of_its_group_goes_on() -> None:
    results, workers, _ = run(killer("died", "died", "died"))

    assert results == DONE | {name(4): ("failed", "The worker process died twice (of a cold).")}
    assert [cell for _, cell in workers.given].count(name(4)) == 2


@pytest.mark.parametrize("kinds", [("died",), ("lost", "lost", "lost"), ("died", "lost")])
def test_a_worker_that_died_once_or_was_lost_costs_nothing(kinds: tuple[str, ...]) -> None:
    results, workers, _ = run(killer(*kinds))

    assert results == DONE
    assert [cell for _, cell in workers.given].count(name(4)) == len(kinds) + 1


def test_a_cell_that_takes_too_long_fails_once_and_its_worker_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(10**6))
    monkeypatch.setattr(scheduler.time, "monotonic", lambda: next(now))

    results, workers, _ = run(lambda job: [WorkerEvent("begun")] if job.cell_id == name(4) else finish(job), timeout=30)

    assert results == DONE | {name(4): ("failed", "The cell took longer than --cell-timeout, 30 s.")}
    assert [cell for _, cell in workers.given].count(name(4)) == 1
    assert sorted(workers.killed) == list(range(1, workers.started + 1))


def test_the_time_of_shared_work_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(10**6))
    monkeypatch.setattr(scheduler.time, "monotonic", lambda: next(now))
    patience = iter(range(40))

    class Slow(Script):
        def poll(self, seconds: float) -> list[tuple[int, WorkerEvent]]:
            return [] if next(patience, None) is not None else super().poll(seconds)

    outcomes = list(Scheduler(GROUPS, Slow(finish), count=1, timeout=30, device="cpu").run(Ear()))

    assert {outcome.record.row.status for outcome in outcomes} == {"inapplicable"}


KNOWN = [*map(name, (0, 1, 2, 3, 8))]


def test_what_somebody_else_has_done_meanwhile_is_not_computed() -> None:
    def known(job: CellJob) -> CellResult | None:
        outcome = finish(job)[1].outcome
        assert outcome is not None
        row = outcome.record.row.model_copy(update={"reason": "elsewhere"})
        return CellResult(outcome.record.model_copy(update={"row": row})) if job.cell_id in KNOWN else None

    results, workers, _ = run(finish, known=known)

    assert results == DONE | {cell: ("inapplicable", "elsewhere") for cell in KNOWN}
    assert sorted(cell for _, cell in workers.given) == [*map(name, (4, 5, 6, 7))]
    assert sorted(workers.killed) == list(range(1, workers.started + 1))


def test_what_a_person_must_mend_ends_the_run() -> None:
    with pytest.raises(UsageError, match="delete it"):
        run(lambda job: [WorkerEvent("refused", "the cached file is damaged; delete it")])
