"""Pools as arrays, which Ray shares between processes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..interfaces import ImageSet, Mixture, Pools
from ..interfaces.pixel_sources import PixelArray
from ..interfaces.stored_images import StoredImages
from ..interfaces.tasks import Task


@dataclass(frozen=True)
class PackedPools:
    """Pools as arrays, which processes on one machine read from the same memory.

    Attributes:
        arrays: Images (N, C, H, W), as 8-bit values if they are stored images, and labels of ``train``, ``aux`` and
            ``private``, in this order.
        classes: Names of the classes.
        note: Note of the dataset for readers of the results.
        task: What the labels are for.
        prior: Weights, means and covariances of the distribution of the images, if it is known.
        attributes: Attributes of ``train``, ``aux`` and ``private``, if the dataset has them.
        sources: Their sources, (N,), if the dataset has them.
        attribute_names: Their names.

    Example: ``PackedPools.of(pools).unpacked()`` has the images and labels of ``pools``.
    """

    arrays: list[np.ndarray]
    classes: tuple[str, ...]
    note: str
    task: Task
    prior: list[np.ndarray] | None = None
    attributes: tuple[np.ndarray | None, ...] = (None, None, None)
    sources: tuple[np.ndarray | None, ...] = (None, None, None)
    attribute_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, pools: Pools) -> PackedPools:
        """Pack pools."""
        sets = (pools.train, pools.aux, pools.private)
        arrays = [array for each in sets for array in (_packed(each.images), each.labels.cpu().contiguous().numpy())]
        known = pools.prior
        prior = known and [each.cpu().numpy() for each in (known.weights, known.means, known.covariances)]
        attributes, sources = (
            tuple(None if each is None else each.cpu().numpy() for each in column)
            for column in zip(*((each.attributes, each.sources) for each in sets), strict=True)
        )
        return cls(arrays, pools.classes, pools.note, pools.task, prior, attributes, sources, pools.attributes)

    def unpacked(self) -> Pools:
        """Return the pools in the memory of the arrays, which is read-only."""
        with warnings.catch_warnings():  # torch has no read-only tensors, and warns about it
            warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
            tensors = [_unpacked(array) for array in self.arrays]
            known = self.prior
            prior = None if known is None else Mixture(*(torch.from_numpy(array) for array in known))
            attributes, sources = (
                [None if array is None else torch.from_numpy(array) for array in arrays]
                for arrays in (self.attributes, self.sources)
            )
        train, aux, private = (
            ImageSet(*pair, task=self.task, sources=origins, attributes=values)
            for *pair, origins, values in zip(tensors[::2], tensors[1::2], sources, attributes, strict=True)
        )
        return Pools(train, aux, private, self.classes, self.note, prior, self.attribute_names)


def _packed(images: Tensor) -> np.ndarray:
    """Pack images as they are: floats, or the 8-bit values of stored images."""
    pixels = images.pixels() if isinstance(images, StoredImages) else images.cpu().contiguous()
    return pixels.numpy()


def _unpacked(array: np.ndarray) -> Tensor:
    if array.dtype != np.uint8:
        return torch.from_numpy(array)
    return StoredImages(PixelArray(array), torch.arange(len(array)), torch.device("cpu"))
