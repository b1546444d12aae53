"""Run workers as Ray actors, on this machine or on a cluster."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayActorError, RayError, RayTaskError

from ..evaluation.artifacts import Artifacts
from .jobs import CellJob
from .ray_actor import RayActor
from .ray_cluster import connected, has_gpus, is_alive, worker_capacity
from .ray_objects import RayObjects
from .worker_logs import LogMessage, wanted_level
from .worker_protocol import WorkerEvent

logger = logging.getLogger(__name__)

MAX_NODE_LOSSES = 3
"""Workers that a cell may lose together with their nodes. The cell itself may cause the loss."""
START_WARNING_SECONDS = 30
"""Time without a started worker after which a warning is logged."""


@dataclass
class _RayWorker:
    """The state of a worker; ``pending`` is a reply of Ray, or a stream of replies."""

    actor: Any
    pending: Any
    node: str = ""
    job: CellJob | None = None
    training: str | None = None


class RayWorkers:
    """A pool of Ray actors with one CPU, and a fraction of a GPU, each.

    The driver loads the data and sends them through Ray's object store. Targets are trained by actors, each once, and
    are stored in the cache of the driver. Therefore only the driver needs the data, a cache and the results folder.

    Example: ``workers = RayWorkers(artifacts, device="auto", address=None, gpus=None, jobs=2)``.
    """

    def __init__(
        self, artifacts: Artifacts, *, device: str, address: str | None, gpus: float | None, jobs: int | None
    ) -> None:
        """Connect to Ray.

        Args:
            artifacts: Loader of the data.
            device: ``auto``, ``cpu`` or ``cuda``.
            address: Address of a cluster; None starts a local one, which ``close`` shuts down.
            gpus: Fraction of a GPU for each worker; None for one GPU if the device is CUDA, or if it is ``auto`` and a
                node has a GPU.
            jobs: Number of workers; None for as many as fit into the cluster.

        Raises:
            UsageError: If no Ray cluster runs at the address, or it is too small for one worker.
        """
        self._objects = RayObjects(artifacts)
        with ExitStack() as stack:
            stack.enter_context(connected(address, jobs))
            if gpus is None:
                gpus = 1.0 if device == "cuda" or (device == "auto" and has_gpus()) else 0.0
            self.device = "cuda" if gpus else "cpu"
            self.count = jobs or worker_capacity(gpus)
            worker_capacity(gpus)
            self._connection = stack.pop_all()
        options = {"num_cpus": 1, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0}
        self._actors: Any = ray.remote(RayActor).options(**options, scheduling_strategy="SPREAD")
        self._workers: dict[int, _RayWorker] = {}
        self._started = 0
        self._losses: Counter[str] = Counter()
        self._start_deadline = time.monotonic() + START_WARNING_SECONDS

    def start(self) -> int:
        """Start a worker and return its number."""
        actor = self._actors.remote(self.device, wanted_level())
        self._started += 1
        self._workers[self._started] = _RayWorker(actor, actor.up.remote())
        return self._started

    def submit(self, worker: int, job: CellJob) -> None:
        """Submit a job to an idle worker."""
        self._workers[worker].job = job
        self._advance(self._workers[worker])

    def poll(self, seconds: float) -> list[tuple[int, WorkerEvent]]:
        """Wait for events of any worker, at most this many seconds."""
        pending = [state.pending for state in self._workers.values() if state.pending is not None]
        ready, _ = ray.wait(pending, timeout=seconds)
        if ready:  # collect all others that are ready, too
            ready, _ = ray.wait(pending, num_returns=len(pending), timeout=0)
        events = []
        for worker, state in list(self._workers.items()):
            if any(state.pending is each for each in ready) and (event := self._read(worker, state)):
                events.append((worker, event))
        for state in self._workers.values():
            self._advance(state)
        self._warn_if_none_starts()
        return events

    def _warn_if_none_starts(self) -> None:
        """Log a warning once if no worker has started in time."""
        if time.monotonic() < self._start_deadline:
            return
        self._start_deadline = float("inf")
        if self._workers and not any(state.node for state in self._workers.values()):
            free = ray.available_resources()
            cpus, gpus = free.get("CPU", 0), free.get("GPU", 0)
            logger.warning("Waiting for Ray to start workers: %g CPUs and %g GPUs are free.", cpus, gpus)

    def kill(self, worker: int) -> None:
        """Kill a worker at once."""
        ray.kill(self._workers.pop(worker).actor)

    def close(self) -> None:
        """Kill all workers and close the connection, which shuts a local Ray down."""
        with self._connection:
            for worker in list(self._workers):
                self.kill(worker)

    def _advance(self, state: _RayWorker) -> None:
        """Let a worker start its next step: its job, or a training that its job needs and no other worker does."""
        if state.job is None or state.pending is not None:
            return
        setting = state.job.cell.setting
        needed, pools = self._objects.needed(setting), self._objects.pools(setting)
        trained = {name: self._objects.trained(setting, name) for name in needed}
        absent = [name for name in needed if trained[name] is None]
        in_training = {other.training for other in self._workers.values()}
        if not absent:
            compute = state.actor.compute.options(num_returns="streaming")
            state.pending = compute.remote(state.job, pools, *trained.values())
        elif free := [name for name in absent if name not in in_training]:
            state.training = free[0]
            train = state.actor.train.options(num_returns="streaming")
            foreign = state.job.cell.foreign
            state.pending = train.remote(needed[state.training][0], setting, pools, foreign=foreign)

    def _read(self, worker: int, state: _RayWorker) -> WorkerEvent | None:
        """Read a reply of a worker, and return the event for the scheduler; None if there is none."""
        try:
            if not state.node:
                state.node, state.pending = ray.get(state.pending), None
                return None
            reply: Any = ray.get(next(state.pending))
        except RayError as error:
            return self._gone(worker, error)
        if isinstance(reply, LogMessage):
            reply.deliver()
            return None
        if isinstance(reply, bytes):
            assert state.job is not None
            assert state.training is not None
            self._objects.keep(state.job.cell.setting, state.training, reply)
            state.training = state.pending = None
            return None
        if reply.kind != "begun":
            state.job = state.pending = state.training = None
        return reply

    def _gone(self, worker: int, error: RayError) -> WorkerEvent:
        """Remove a worker that has failed, and return the event."""
        state = self._workers[worker]
        self.kill(worker)
        if _cannot_start(error):
            return WorkerEvent(
                "refused", f"Ray workers cannot start: {_sentence(error)}. Install the same packages on every node."
            )
        lost = not isinstance(error, RayTaskError) and (
            not isinstance(error, ActorDiedError) or "its node has died" in str(error) or not is_alive(state.node)
        )
        if state.job is not None and lost:
            self._losses[state.job.cell_id] += 1
            lost = self._losses[state.job.cell_id] <= MAX_NODE_LOSSES
        return WorkerEvent("lost" if lost else "died", _sentence(error))


def _cannot_start(error: RayError) -> bool:
    """Return whether a module is missing on the node of the worker."""
    return (isinstance(error, RayActorError) and error.actor_init_failed) or (
        isinstance(error, RayTaskError) and "ModuleNotFoundError" in str(error)
    )


def _sentence(error: RayError) -> str:
    """Return the cause of an error, as a short part of Ray's message."""
    text = str(error).strip()
    if isinstance(error, RayTaskError) or (isinstance(error, RayActorError) and error.actor_init_failed):
        return text.splitlines()[-1]
    if "connection error code 2" in text:
        return "killed or crashed, as when memory runs out"
    reasons = r"(?:Worker exit detail:|The actor is dead because|The actor died because) (.*?)(?:[.:]|$)"
    found = re.search(reasons, " ".join(text.split()))
    return found[1] if found else text.splitlines()[0]
