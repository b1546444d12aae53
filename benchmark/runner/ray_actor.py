"""Define the actor of a Ray worker, which gets data and trained weights from the driver instead of a disk."""

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
from ..interfaces import ImageSet, Mixture, Pools
from ..interfaces.pixel_sources import PixelArray
from ..interfaces.stored_images import StoredImages
from ..interfaces.tasks import Task as LabelTask
from ..plan.cells import Setting
from ..utils.cache import cache_name
from .tasks import Task, run_task
from .worker_logs import LogMessage, forward_logs
from .worker_protocol import WorkerEvent


@dataclass(frozen=True)
class PackedPools:
    """Pools as arrays, which processes on one machine read from the same memory.

    Attributes:
        arrays: images (N, C, H, W), as 8-bit values if they are stored images, and labels of ``train``, ``aux`` and
            ``private``, in this order.
        sources: sources of the private images, (N,), if the dataset has them.
        classes: names of the classes.
        note: note of the dataset for readers of the results.
        task: what the labels are for.
        prior: weights, means and covariances of the distribution of the images, if it is known.
        attributes: attributes of ``train``, ``aux`` and ``private``, if the dataset has them.
        attribute_names: their names.

    Example: ``PackedPools.of(pools).unpacked()`` has the images and labels of ``pools``.
    """

    arrays: list[np.ndarray]
    sources: np.ndarray | None
    classes: tuple[str, ...]
    note: str
    task: LabelTask
    prior: list[np.ndarray] | None = None
    attributes: tuple[np.ndarray | None, ...] = (None, None, None)
    attribute_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, pools: Pools) -> PackedPools:
        """Pack pools."""
        sets = (pools.train, pools.aux, pools.private)
        arrays = [array for each in sets for array in (_packed(each.images), each.labels.cpu().contiguous().numpy())]
        sources = pools.private.sources
        known = pools.prior
        prior = known and [each.cpu().numpy() for each in (known.weights, known.means, known.covariances)]
        placed = None if sources is None else sources.cpu().numpy()
        attributes = tuple(None if each.attributes is None else each.attributes.cpu().numpy() for each in sets)
        return cls(arrays, placed, pools.classes, pools.note, pools.task, prior, attributes, pools.attributes)

    def unpacked(self) -> Pools:
        """Return the pools in the memory of the arrays, which is read-only."""
        with warnings.catch_warnings():  # torch has no read-only tensors, and warns about it
            warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
            tensors = [_unpacked(array) for array in self.arrays]
            sources = None if self.sources is None else torch.from_numpy(self.sources)
            known = self.prior
            prior = None if known is None else Mixture(*(torch.from_numpy(array) for array in known))
            attributes = [None if array is None else torch.from_numpy(array) for array in self.attributes]
        train, aux, private = (
            ImageSet(*tensors[2 * place : 2 * place + 2], task=self.task, attributes=values)
            for place, values in enumerate(attributes)
        )
        private = replace(private, sources=sources)
        return Pools(train, aux, private, self.classes, self.note, prior, self.attribute_names)


def _packed(images: Tensor) -> np.ndarray:
    """Pack images as they are: floats, or the 8-bit values of stored images."""
    pixels = images.pixels() if isinstance(images, StoredImages) else images.cpu().contiguous()
    return pixels.numpy()


def _unpacked(array: np.ndarray) -> Tensor:
    if array.dtype != np.uint8:
        return torch.from_numpy(array)
    return StoredImages(PixelArray(array), torch.arange(len(array)), torch.device("cpu"))


class RayActor:
    """A worker that computes one task at a time, on one CPU.

    Example: ``actor = ray.remote(RayActor).remote("cpu", logging.INFO); ray.get(actor.up.remote())``.
    """

    def __init__(self, device: str, level: int) -> None:
        """Create a worker.

        Args:
            device: device to compute on.
            level: lowest level of the log messages to send.
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

    def train(self, need: Need, setting: Setting, packed: PackedPools) -> Iterator[WorkerEvent | LogMessage | bytes]:
        """Train a network that a setting needs. Yield log messages, and finally the weights as safetensors."""
        self._packed, self._weights = packed, {}

        def work() -> bytes:
            self._artifacts.make(need, setting)
            return save(self._weights[cache_name(need, self._artifacts.needs(setting)[need])])

        yield from self._stream(work)

    def compute(
        self, task: Task, packed: PackedPools, *needed: tuple[str, bytes]
    ) -> Iterator[WorkerEvent | LogMessage | bytes]:
        """Compute a task and yield events.

        Args:
            task: the task.
            packed: the pools of its dataset.
            needed: the weights that it needs, as names in the cache and safetensors.
        """
        self._packed, self._weights = packed, {name: load(content) for name, content in needed}

        def work() -> WorkerEvent:
            self._artifacts.prepare(task.cell.setting)
            self._replies.put(WorkerEvent("begun"))
            return WorkerEvent("done", outcome=run_task(task, self._artifacts))

        yield from self._stream(work)

    def _stream(self, work: Callable[[], WorkerEvent | bytes]) -> Iterator[WorkerEvent | LogMessage | bytes]:
        """Run work in a thread, and yield its replies meanwhile."""

        def run() -> None:
            torch.set_num_threads(1)
            try:
                self._replies.put(work())
            except BaseException as error:
                self._replies.put(error)

        Thread(target=run, daemon=True).start()
        while True:
            match self._replies.get():
                case UsageError() as error:
                    yield WorkerEvent("refused", message_of(error))
                    return
                case BaseException() as error:
                    raise error
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
