"""Workers that are Ray actors, on this machine or on a cluster."""

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
from .ray_actor import RayActor
from .ray_cluster import connected, has_gpus, is_alive, room
from .ray_objects import RayObjects
from .tasks import Task
from .worker_logs import LogMessage, wanted_level
from .worker_protocol import WorkerEvent

logger = logging.getLogger(__name__)

FORGIVEN = 3
"""Workers that a cell may lose together with their nodes; it may be the cell that brings the nodes down."""
FIRST_WAIT_SECONDS = 30
"""How long no worker may start before that is told."""


@dataclass
class _Post:
    """A worker, and what it is about: ``waited`` is an answer of Ray, or a stream of them."""

    actor: Any
    waited: Any
    node: str = ""
    task: Task | None = None
    making: str | None = None


class RayWorkers:
    """Actors of one CPU, and a share of a GPU, each; what they need travels through Ray's object store.

    The driver loads the data. What must be trained is trained by an actor, each target once, and kept in the driver's
    cache. So only the driver needs the data, a cache and the folder of the results.
    """

    def __init__(
        self, bench: Artifacts, *, device: str, address: str | None, gpus: float | None, jobs: int | None
    ) -> None:
        """Connect to Ray.

        Args:
            bench: loads the data.
            device: ``auto``, ``cpu`` or ``cuda``.
            address: of a cluster; by default a local Ray is started, and ended by ``close``.
            gpus: share of a GPU for each worker; by default one if the device is, or can be, CUDA.
            jobs: workers that are wanted; by default as many as have room.

        Raises:
            UsageError: if there is no cluster at the address, or no room for a worker on it.
        """
        self._goods = RayObjects(bench)
        with ExitStack() as stack:
            stack.enter_context(connected(address, jobs))
            if gpus is None:
                gpus = 1.0 if device == "cuda" or (device == "auto" and has_gpus()) else 0.0
            self.device = "cuda" if gpus else "cpu"
            self.count = jobs or room(gpus)
            room(gpus)
            self._connection = stack.pop_all()
        options = {"num_cpus": 1, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0}
        self._actors: Any = ray.remote(RayActor).options(**options, scheduling_strategy="SPREAD")
        self._staff: dict[int, _Post] = {}
        self._hired = 0
        self._losses: Counter[str] = Counter()
        self._patience = time.monotonic() + FIRST_WAIT_SECONDS

    def hire(self) -> int:
        """Start a worker; returns its number."""
        actor = self._actors.remote(self.device, wanted_level())
        self._hired += 1
        self._staff[self._hired] = _Post(actor, actor.up.remote())
        return self._hired

    def give(self, worker: int, task: Task) -> None:
        """Have an idle worker compute a task."""
        self._staff[worker].task = task
        self._advance(self._staff[worker])

    def listen(self, seconds: float) -> list[tuple[int, WorkerEvent]]:
        """Wait for news of any worker, at most so long."""
        waited = [post.waited for post in self._staff.values() if post.waited is not None]
        ready, _ = ray.wait(waited, timeout=seconds)
        if ready:  # one is: see which others are
            ready, _ = ray.wait(waited, num_returns=len(waited), timeout=0)
        heard = []
        for worker, post in list(self._staff.items()):
            if any(post.waited is each for each in ready) and (news := self._read(worker, post)):
                heard.append((worker, news))
        for post in self._staff.values():
            self._advance(post)
        self._warn_if_none_starts()
        return heard

    def _warn_if_none_starts(self) -> None:
        """Log once if no worker has started for long."""
        if time.monotonic() < self._patience:
            return
        self._patience = float("inf")
        if self._staff and not any(post.node for post in self._staff.values()):
            free = ray.available_resources()
            logger.warning(
                "waiting for Ray to start workers: %g CPUs and %g GPUs are free", free.get("CPU", 0), free.get("GPU", 0)
            )

    def dismiss(self, worker: int) -> None:
        """End a worker at once, whatever it does."""
        ray.kill(self._staff.pop(worker).actor)

    def close(self) -> None:
        """End all workers, and the connection; a local Ray ends with it."""
        with self._connection:
            for worker in list(self._staff):
                self.dismiss(worker)

    def _advance(self, post: _Post) -> None:
        """Have a worker begin what is next for it: to train what nobody has, or its task; or to wait for others."""
        if post.task is None or post.waited is not None:
            return
        setting = post.task.cell.setting
        needed, pools = self._goods.needed(setting), self._goods.pools(setting)
        trained = {name: self._goods.trained(setting, name) for name in needed}
        absent = [name for name in needed if trained[name] is None]
        being_made = {other.making for other in self._staff.values()}
        if not absent:
            compute = post.actor.compute.options(num_returns="streaming")
            post.waited = compute.remote(post.task, pools, *trained.values())
        elif free := [name for name in absent if name not in being_made]:
            post.making = free[0]
            make = post.actor.make.options(num_returns="streaming")
            post.waited = make.remote(needed[post.making][0], setting, pools)

    def _read(self, worker: int, post: _Post) -> WorkerEvent | None:
        """What a worker says; None if it is nothing for others to know."""
        try:
            if not post.node:
                post.node, post.waited = ray.get(post.waited), None
                return None
            said: Any = ray.get(next(post.waited))
        except RayError as error:
            return self._gone(worker, error)
        if isinstance(said, LogMessage):
            said.deliver()
            return None
        if isinstance(said, bytes):
            assert post.task is not None
            assert post.making is not None
            self._goods.keep(post.task.cell.setting, post.making, said)
            post.making = post.waited = None
            return None
        if said.kind in ("done", "refused"):
            post.task = post.waited = None
        return said

    def _gone(self, worker: int, error: RayError) -> WorkerEvent:
        """What became of a worker that can do no more."""
        post = self._staff[worker]
        self.dismiss(worker)
        if _cannot_start(error):
            return WorkerEvent(
                "refused", f"Ray workers cannot start ({_sentence(error)}); every node needs the same packages"
            )
        lost = not isinstance(error, RayTaskError) and (
            not isinstance(error, ActorDiedError) or "its node has died" in str(error) or not is_alive(post.node)
        )
        if post.task is not None and lost:
            self._losses[post.task.cell_id] += 1
            lost = self._losses[post.task.cell_id] <= FORGIVEN
        return WorkerEvent("lost" if lost else "died", _sentence(error))


def _cannot_start(error: RayError) -> bool:
    """Whether a module is absent where the workers run."""
    return (isinstance(error, RayActorError) and error.actor_init_failed) or (
        isinstance(error, RayTaskError) and "ModuleNotFoundError" in str(error)
    )


def _sentence(error: RayError) -> str:
    """What happened, in a few words of the many that Ray makes."""
    text = str(error).strip()
    if isinstance(error, RayTaskError) or (isinstance(error, RayActorError) and error.actor_init_failed):
        return text.splitlines()[-1]
    if "connection error code 2" in text:
        return "killed or crashed, as when memory runs out"
    reasons = r"(?:Worker exit detail:|The actor is dead because|The actor died because) (.*?)(?:[.:]|$)"
    found = re.search(reasons, " ".join(text.split()))
    return found[1] if found else text.splitlines()[0]
