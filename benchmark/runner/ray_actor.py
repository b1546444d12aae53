"""Define the actor of a Ray worker, which gets data and trained weights from the driver instead of a disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import SimpleQueue
from threading import Thread
from typing import Any

import ray
import torch
from safetensors.torch import load, save
from torch import Tensor

from ..evaluation.artifacts import Artifacts
from ..evaluation.weights import Need
from ..plan.cells import Setting
from ..utils.cache import cache_name
from .jobs import CellJob, run_job
from .packed_pools import PackedPools
from .worker_logs import LogMessage, forward_logs
from .worker_protocol import WorkerEvent, failure


class RayActor:
    """A worker that computes one job at a time, on one CPU.

    Example: ``actor = ray.remote(RayActor).remote("cpu", logging.INFO); ray.get(actor.up.remote())``.
    """

    def __init__(self, device: str, level: int) -> None:
        """Create a worker.

        Args:
            device: Device to compute on.
            level: Lowest level of the log messages to send.
        """
        torch.set_num_threads(1)
        self._replies: SimpleQueue[WorkerEvent | LogMessage | bytes | BaseException] = SimpleQueue()
        forward_logs(level, self._replies.put)
        self._packed: PackedPools
        self._weights: dict[str, dict[str, Tensor]] = {}
        self._artifacts = Artifacts(
            device=torch.device(device),
            data_dir=None,
            load=lambda dataset: self._packed.unpacked(),
            cached=self._cached,
        )

    def up(self) -> str:
        """Return the identifier of the node, as soon as the actor has started."""
        return ray.get_runtime_context().get_node_id()

    def train(
        self, need: Need, setting: Setting, packed: PackedPools, *, foreign: bool
    ) -> Iterator[WorkerEvent | LogMessage | bytes]:
        """Train a network that a setting needs. Yield log messages, and finally the weights as safetensors.

        Args:
            need: The network.
            setting: The setting.
            packed: The pools of its dataset.
            foreign: Whether a component of the cell is a plug-in's.
        """
        self._packed, self._weights = packed, {}

        def work() -> bytes:
            self._artifacts.make(need, setting)
            return save(self._weights[cache_name(need, self._artifacts.needs(setting)[need])])

        yield from self._stream(work, foreign=foreign)

    def compute(
        self, job: CellJob, packed: PackedPools, *needed: tuple[str, bytes]
    ) -> Iterator[WorkerEvent | LogMessage | bytes]:
        """Compute a job and yield events.

        Args:
            job: The job.
            packed: The pools of its dataset.
            needed: The weights that it needs, as names in the cache and safetensors.
        """
        self._packed, self._weights = packed, {name: load(content) for name, content in needed}

        def work() -> WorkerEvent:
            self._artifacts.prepare(job.cell.setting)
            self._replies.put(WorkerEvent("begun"))
            return WorkerEvent("done", outcome=run_job(job, self._artifacts))

        yield from self._stream(work, foreign=job.cell.foreign)

    def _stream(
        self, work: Callable[[], WorkerEvent | bytes], *, foreign: bool
    ) -> Iterator[WorkerEvent | LogMessage | bytes]:
        """Run work in a thread, and yield its replies meanwhile. An error is one, as ``failure`` tells it."""

        def run() -> None:
            torch.set_num_threads(1)
            try:
                self._replies.put(work())
            except BaseException as error:
                self._replies.put(error)

        Thread(target=run, daemon=True).start()
        while True:
            match self._replies.get():
                case BaseException() as error:
                    yield failure(error, foreign=foreign)
                    return
                case (LogMessage() | WorkerEvent(kind="begun")) as reply:
                    yield reply
                case last:
                    yield last
                    return

    def _cached(self, kind: str, identity: Any, compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        """Return tensors that were received, or compute them, in place of the disk cache."""
        name = cache_name(kind, identity)
        if name not in self._weights:
            self._weights[name] = {key: tensor.detach().cpu().contiguous() for key, tensor in compute().items()}
        return self._weights[name]
