"""How workers tell that a job has failed, in processes and on Ray."""

from queue import SimpleQueue
from typing import Any

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.runner.worker_protocol import WorkerEvent

WRONG = UsageError("Expected a, got b. Give a.")
DIVERGED = ArithmeticError("The loss is NaN.")


@pytest.mark.parametrize(
    ("error", "foreign", "event"),
    [
        (WRONG, False, WorkerEvent("refused", "Expected a, got b. Give a.")),
        (WRONG, True, WorkerEvent("failed", "UsageError: Expected a, got b. Give a.")),
        (DIVERGED, False, WorkerEvent("failed", "ArithmeticError: The loss is NaN.")),
        (DIVERGED, True, WorkerEvent("failed", "ArithmeticError: The loss is NaN.")),
    ],
)
def test_an_actor_of_ray_tells_an_error_as_a_process_does(error: Exception, foreign: bool, event: WorkerEvent) -> None:
    RayActor = pytest.importorskip("mia_bench.benchmark.runner.ray_actor").RayActor
    actor = object.__new__(RayActor)
    actor._replies = SimpleQueue()

    def work() -> WorkerEvent:
        raise error

    assert list(actor._stream(work, foreign=foreign)) == [event]


@pytest.mark.parametrize("kind", ["failed", "refused"])
def test_a_worker_of_ray_is_idle_after_an_error(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ray_workers = pytest.importorskip("mia_bench.benchmark.runner.ray_workers")
    monkeypatch.setattr(ray_workers.ray, "get", lambda reply: reply)
    state = ray_workers._RayWorker(None, iter([WorkerEvent(kind)]), node="a", job=object(), training="target")

    assert object.__new__(ray_workers.RayWorkers)._read(1, state) == WorkerEvent(kind)

    assert (state.job, state.pending, state.training) == (None, None, None)
