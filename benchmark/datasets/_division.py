"""Division of a training and a test split into three disjoint pools."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from ..errors import UsageError
from ..interfaces import ImageSet, Pools, Task
from ..interfaces.stored_images import StoredImages
from ..utils.fingerprints import content_digests, digests
from ..utils.plurals import count_of
from ..utils.seeding import stream_seed

MAX_DEFAULT_AUX_IMAGES = 10_000
"""Most images that the attacker gets if the user gives no number."""
AuxImages = Annotated[
    int | None,
    Field(
        ge=1,
        description="training images given to the attacker instead of the victim; none takes a fifth of them, "
        f"at most {MAX_DEFAULT_AUX_IMAGES:,}",
    ),
]
"""The parameter of datasets whose pools ``divide_pools`` makes."""
ManyAuxImages = Annotated[int, Field(ge=1, description="training images given to the attacker instead of the victim")]
"""The same parameter of large datasets, of which ``MAX_DEFAULT_AUX_IMAGES`` is the default."""


class RawImages(NamedTuple):
    """Images (N, C, H, W), uint8 or floats in [0, 1], such as ``StoredImages``, with labels and attributes."""

    images: Tensor
    labels: Tensor
    task: Task = "classification"
    attributes: Tensor | None = None

    def select(self, index: Tensor) -> ImageSet:
        """Return the images at the positions ``index`` (K,) as float32 in [0, 1]."""
        kept = self.keep(index)
        images = kept.images.float().div_(255) if kept.images.dtype == torch.uint8 else kept.images
        return ImageSet(images, kept.labels, task=self.task, attributes=kept.attributes)

    def keep(self, index: Tensor) -> RawImages:
        """Return the images at the positions ``index`` (K,), without conversion."""
        kept = self.images.at(index) if isinstance(self.images, StoredImages) else self.images[index]
        attributes = None if self.attributes is None else self.attributes[index]
        return self._replace(images=kept, labels=self.labels[index], attributes=attributes)

    def digests(self) -> list[bytes]:
        """Return a hash of each image. Images that are equal to 8 bits have equal hashes."""
        return digests(self.images) if self.images.dtype == torch.uint8 else content_digests(self.images)


def without_repeats(train: RawImages, test: RawImages) -> RawImages:
    """Remove training images that equal a test image or an earlier training image, byte for byte."""
    return train.keep(positions_without_repeats(train, test))


def positions_without_repeats(train: RawImages, test: RawImages) -> Tensor:
    """Return the positions (K,) of training images that equal no test image and no earlier training image."""
    seen = set(test.digests())
    kept = []
    for index, content in enumerate(train.digests()):
        if content not in seen:
            seen.add(content)
            kept.append(index)
    return torch.tensor(kept, dtype=torch.int64)


def divide_pools(train: RawImages, test: RawImages, classes: tuple[str, ...], aux_images: int | None) -> Pools:
    """Make the test split private and divide the training split into ``train`` and ``aux``.

    The division is the same in every run. Both parts have the classes in proportion, or are random where there
    are no classes. A larger ``aux_images`` selects a superset of the images that a smaller one selects.

    Args:
        train: Training split without repeats.
        test: Test split.
        classes: Names of the classes, in label order, or of the columns of labels.
        aux_images: Size of ``aux``. None selects a fifth of the training split, at most 10,000 images.

    Raises:
        UsageError: If a class would be missing from ``train`` or ``aux``.
    """
    has_classes = train.task == "classification"
    order = proportional_order(train.labels, classes) if has_classes else _shuffled(len(train.labels), "train and aux")
    fewest = len(classes) if has_classes else 1
    most = len(order) - fewest
    size = min(MAX_DEFAULT_AUX_IMAGES, max(fewest, len(order) // 5)) if aux_images is None else aux_images
    each = f"one of each of the {count_of(len(classes), 'class', 'classes')}" if has_classes else "one"
    if most < fewest:
        raise UsageError(
            f"Expected at least {2 * fewest} different training images that equal no private image, got {len(order)}, "
            f"as aux and train each need at least {each}. Add other images; equal ones count once."
        )
    if not fewest <= size <= most:
        raise UsageError(
            f"Expected aux_images from {fewest} to {most}, got {size}. Of the "
            f"{count_of(len(order), 'distinct training image')}, aux and train each need at least {each}."
        )
    return Pools(
        train=train.select(order[size:]),
        aux=train.select(order[:size]),
        private=test.select(round_robin(test.labels) if has_classes else _shuffled(len(test.labels), "private")),
        classes=classes,
    )


def proportional_order(labels: Tensor, classes: tuple[str, ...]) -> Tensor:
    """Return a fixed shuffled order (N,) in which every prefix has the classes in proportion.

    For K classes, each class has its first image among the first K and its last image among the last K.

    Raises:
        UsageError: If a class has fewer than two images.
    """
    counts = torch.bincount(labels, minlength=len(classes))
    scarce = int(counts.argmin())
    if counts[scarce] < 2:
        raise UsageError(
            f"Expected at least 2 distinct training images of class {classes[scarce]!r} that are not also test images, "
            f"got {int(counts[scarce])}. Add images: train and aux need one each."
        )
    shuffle = _shuffled(len(labels), "train and aux")
    shuffled = labels[shuffle]
    position = rank_in_group(shuffled).double() / (counts[shuffled] - 1)  # (N,) in [0, 1]
    return shuffle[position.argsort(stable=True)]


def _shuffled(count: int, purpose: str) -> Tensor:
    """Return a random order (N,) that is the same in every run."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(stream_seed(purpose)))


def round_robin(groups: Tensor) -> Tensor:
    """Return the order (N,) that takes the first member of each group, then the second of each, and so on."""
    by_group = groups.argsort(stable=True)
    return by_group[rank_in_group(groups)[by_group].argsort(stable=True)]


def rank_in_group(groups: Tensor) -> Tensor:
    """Return for each element how many members of its group come before it, (N,) int64."""
    order = groups.argsort(stable=True)
    counts = torch.bincount(groups)
    starts = counts.cumsum(0) - counts
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(groups)) - starts[groups[order]]
    return rank
