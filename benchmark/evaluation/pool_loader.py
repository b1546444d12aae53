"""Data sets as a run uses them: loaded, checked and on the device, the latest one kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import UsageError, describe
from ..interfaces import Pools
from ..interfaces.stored_images import StoredImages
from ..registry.specs import ResolvedComponent
from ..utils.fingerprints import disjoint_fingerprint
from ..utils.isolation import isolated
from ..utils.keep_latest import keep_latest
from .pool_validation import validate_pools

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Facts:
    """What is remembered of a dataset when its images are put away for another's.

    Attributes:
        fingerprint: of the content of all pools.
        image_shape: (C, H, W).
        classes: how many there are.
        train: how many images there are to train on.
        aux: how many the attacker has.
        private: how many can be attacked.
        bytes_in_memory: bytes that all images take while they are loaded; stored images take none.
    """

    fingerprint: str
    image_shape: tuple[int, int, int]
    classes: int
    train: int
    aux: int
    private: int
    bytes_in_memory: int


def _bytes_in_memory(images: Tensor) -> int:
    return 0 if isinstance(images, StoredImages) else images.numel() * images.element_size()


class PoolLoader:
    """Loads data sets, keeps the latest one, and remembers of each what is small."""

    def __init__(self, load: Callable[[ResolvedComponent], Pools], device: torch.device) -> None:
        """Take what loads a dataset, and the device on which its images are kept."""
        self._load, self._device = load, device
        self._learned: dict[ResolvedComponent, Facts] = {}

    def learn(self, dataset: ResolvedComponent, facts: Facts) -> None:
        """Take from another process what is to be remembered of a dataset, which then need not be loaded for it."""
        self._learned[dataset] = facts

    @keep_latest(None)
    def facts(self, dataset: ResolvedComponent) -> Facts:
        """Return what is remembered of a dataset."""
        if dataset in self._learned:
            return self._learned[dataset]
        pools = self.pools(dataset)
        return Facts(
            fingerprint=disjoint_fingerprint(pools),
            image_shape=pools.image_shape,
            classes=len(pools.classes),
            train=len(pools.train),
            aux=len(pools.aux),
            private=len(pools.private),
            bytes_in_memory=sum(_bytes_in_memory(pool.images) for pool in (pools.train, pools.aux, pools.private)),
        )

    @keep_latest(1)
    def pools(self, dataset: ResolvedComponent) -> Pools:
        """Return the pools of a dataset, on the device.

        Raises:
            UsageError: if they cannot be loaded, or are not what ``Pools`` promises.
        """
        try:
            with isolated("load", dataset.identity):
                pools = self._load(dataset)
            validate_pools(pools, dataset.label)
            if dataset.entry.foreign:  # it may keep what it returns
                pools = pools.copy()
        except UsageError:
            raise
        except (Exception, SystemExit) as error:
            package = f"package {dataset.entry.package} {dataset.entry.version}"
            raise UsageError(f"dataset {dataset.label} of {package} cannot be loaded: {describe(error)}") from error
        if pools.note:
            logger.warning("%s: %s", dataset.label, pools.note)
        return replace(
            pools,
            train=pools.train.to(self._device),
            aux=pools.aux.to(self._device),
            private=pools.private.to(self._device),
        )

    @keep_latest(None)
    def channels(self, dataset: ResolvedComponent) -> tuple[Tensor, Tensor]:
        """Measure mean and standard deviation of the channels of the training images, (C,) each, on the CPU."""
        images = self.pools(dataset).train.images.cpu()
        return images.mean((0, 2, 3)), images.std((0, 2, 3)).clamp_min(1e-3)
