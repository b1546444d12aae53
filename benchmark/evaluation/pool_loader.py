"""Datasets as a run uses them: loaded, checked and on the device, the latest one kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import UsageError, describe
from ..interfaces import Pools, Task
from ..interfaces.stored_images import StoredImages
from ..registry.specs import ResolvedComponent
from ..utils.fingerprints import disjoint_fingerprint
from ..utils.isolation import isolated
from ..utils.keep_latest import keep_latest
from .pool_validation import validate_pools

logger = logging.getLogger(__name__)

DARK = 0.25
"""The brightest pixel of a dataset below which its users are warned."""
TRIED_IMAGES = 1000
"""The largest number of private images among which the brightest pixel is sought."""


@dataclass(frozen=True)
class Facts:
    """The facts about a dataset that are kept when its images are not.

    Attributes:
        fingerprint: Of the content of all pools.
        image_shape: (C, H, W).
        classes: How many there are; or labels or numbers of other tasks.
        class_names: Their names.
        task: What the labels are for.
        train: How many images there are to train on.
        aux: How many the attacker has.
        private: How many can be attacked.
        bytes_in_memory: Bytes that all images take while they are loaded; stored images take none.

    Example:
        >>> PoolLoader(load, device).facts(dataset).image_shape  # doctest: +SKIP
        (3, 32, 32)
    """

    fingerprint: str
    image_shape: tuple[int, int, int]
    classes: int
    class_names: tuple[str, ...]
    task: Task
    train: int
    aux: int
    private: int
    bytes_in_memory: int


def _bytes_in_memory(images: Tensor) -> int:
    return 0 if isinstance(images, StoredImages) else images.numel() * images.element_size()


class PoolLoader:
    """Loads datasets, keeps the images of the latest one and the facts about all of them.

    Example:
        >>> PoolLoader(load, torch.device("cpu")).pools(dataset).private.images.shape  # doctest: +SKIP
    """

    def __init__(self, load: Callable[[ResolvedComponent], Pools], device: torch.device) -> None:
        """Take what loads a dataset, and the device on which its images are kept."""
        self._load, self._device = load, device
        self._learned: dict[ResolvedComponent, Facts] = {}

    def learn(self, dataset: ResolvedComponent, facts: Facts) -> None:
        """Take the facts about a dataset from another process, so that this one need not load it."""
        self._learned[dataset] = facts

    @keep_latest(None)
    def facts(self, dataset: ResolvedComponent) -> Facts:
        """Return the facts about a dataset, which is loaded if they are not known."""
        if dataset in self._learned:
            return self._learned[dataset]
        pools = self.pools(dataset)
        return Facts(
            fingerprint=disjoint_fingerprint(pools),
            image_shape=pools.image_shape,
            classes=len(pools.classes),
            class_names=pools.classes,
            task=pools.task,
            train=len(pools.train),
            aux=len(pools.aux),
            private=len(pools.private),
            bytes_in_memory=sum(_bytes_in_memory(pool.images) for pool in (pools.train, pools.aux, pools.private)),
        )

    @keep_latest(1)
    def pools(self, dataset: ResolvedComponent) -> Pools:
        """Return the pools of a dataset, on the device.

        Raises:
            UsageError: If they cannot be loaded, or are not what ``Pools`` promises.
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
            raise UsageError(
                f"The dataset {dataset.label} of {package} cannot be loaded: {describe(error).removesuffix('.')}. "
                "Correct its parameters, or mend its class."
            ) from error
        if pools.note:
            logger.warning("%s: %s", dataset.label, pools.note)
        brightest = pools.private.images[:TRIED_IMAGES].max().item()
        if 0 < brightest < DARK:
            logger.warning(
                "%s: The brightest pixel is %.2g, where 1 is white. All reconstructions of such images have a high "
                "PSNR, even the mean image. Divide the images by the largest possible value of a pixel.",
                dataset.label,
                brightest,
            )
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
