"""What runs on a Ray worker: a workbench that takes data and trained weights from the driver, not from a disk."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
import ray
import torch
from safetensors.torch import load, save
from torch import Tensor

from ..errors import UsageError, message_of
from ..evaluation.artifacts import Artifacts
from ..evaluation.weights import Need
from ..interfaces import ImageSet, Pools
from ..plan.cells import Setting
from ..utils.cache import cache_name
from .tasks import Task, run_task
from .worker_logs import LogMessage, forward_logs
from .worker_protocol import WorkerEvent


@dataclass(frozen=True)
class PackedPools:
    """Pools as arrays, which processes on one machine read from the same memory.

    Attributes:
        arrays: images (N, C, H, W) and labels (N,) of ``train``, ``aux`` and ``private``, in this order.
        sources: those of the private images, (N,), if the data name them.
        classes: names of the classes.
        note: what a reader of the results must know about the data.
    """

    arrays: list[np.ndarray]
    sources: np.ndarray | None
    classes: tuple[str, ...]
    note: str

    @classmethod
    def of(cls, pools: Pools) -> PackedPools:
        """Pack them."""
        sets = (pools.train, pools.aux, pools.private)
        arrays = [tensor.cpu().contiguous().numpy() for each in sets for tensor in (each.images, each.labels)]
        sources = pools.private.sources
        return cls(arrays, None if sources is None else sources.cpu().numpy(), pools.classes, pools.note)

    def unpacked(self) -> Pools:
        """The pools in the memory of the arrays, where nobody may write."""
        with warnings.catch_warnings():  # torch has no read-only tensors, and says so
            warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
            tensors = [torch.from_numpy(array) for array in self.arrays]
            sources = None if self.sources is None else torch.from_numpy(self.sources)
        train, aux, private = (ImageSet(*tensors[start : start + 2]) for start in (0, 2, 4))
        private = replace(private, sources=sources)
        return Pools(train=train, aux=aux, private=private, classes=self.classes, note=self.note)


class RayActor:
    """One worker: computes one task at a time, on one CPU."""

    def __init__(self, device: str, level: int) -> None:
        """Compute on ``device``, and send log messages from ``level``."""
        torch.set_num_threads(1)
        self._news: SimpleQueue[WorkerEvent | LogMessage | bytes | BaseException] = SimpleQueue()
        forward_logs(level, self._news.put)
        self._packed: PackedPools
        self._weights: dict[str, dict[str, Tensor]] = {}
        self._bench = Artifacts(
            device=torch.device(device),
            data_dir=None,
            load=lambda dataset: self._packed.unpacked(),
            cached=self._cached,
        )

    def up(self) -> str:
        """Answer as soon as it can; the identifier of the node."""
        return ray.get_runtime_context().get_node_id()

    def make(self, need: Need, setting: Setting, packed: PackedPools) -> Iterator[WorkerEvent | LogMessage | bytes]:
        """Train what a setting needs; yields log messages, and at last the weights as safetensors."""
        self._packed, self._weights = packed, {}

        def work() -> bytes:
            self._bench.make(need, setting)
            return save(self._weights[cache_name(need, self._bench.needs(setting)[need])])

        yield from self._tell(work)

    def compute(
        self, task: Task, packed: PackedPools, *needed: tuple[str, bytes]
    ) -> Iterator[WorkerEvent | LogMessage | bytes]:
        """Compute a task, given the weights that it needs by the names that a cache has for them; yields events."""
        self._packed, self._weights = packed, {name: load(content) for name, content in needed}

        def work() -> WorkerEvent:
            self._bench.prepare(task.cell.setting)
            self._news.put(WorkerEvent("begun"))
            return WorkerEvent("done", outcome=run_task(task, self._bench))

        yield from self._tell(work)

    def _tell(self, work: Callable[[], WorkerEvent | bytes]) -> Iterator[WorkerEvent | LogMessage | bytes]:
        """Do it in a thread, so that events leave while it is done."""

        def run() -> None:
            torch.set_num_threads(1)
            try:
                self._news.put(work())
            except BaseException as error:
                self._news.put(error)

        Thread(target=run, daemon=True).start()
        while True:
            match self._news.get():
                case UsageError() as error:
                    yield WorkerEvent("refused", message_of(error))
                    return
                case BaseException() as error:
                    raise error
                case (LogMessage() | WorkerEvent(kind="begun")) as news:
                    yield news
                case last:
                    yield last
                    return

    def _cached(self, kind: str, identity: Any, compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        """In place of the disk cache: what was given, or what is computed now."""
        name = cache_name(kind, identity)
        if name not in self._weights:
            self._weights[name] = {key: tensor.detach().cpu().contiguous() for key, tensor in compute().items()}
        return self._weights[name]
