"""From a training and a test split of 8-bit images to three disjoint pools."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import UsageError
from ..interfaces import ImageSet, Pools
from ..interfaces.stored_images import StoredImages
from ..utils.fingerprints import content_digests, digests
from ..utils.seeding import stream_seed

MOST_AUX = 10_000
"""Images of the attacker when the user names no number, at most."""


class Split(NamedTuple):
    """Labelled images: ``images`` (N, C, H, W) uint8 or ``StoredImages``, ``labels`` (N,) int64."""

    images: Tensor
    labels: Tensor

    def select(self, index: Tensor) -> ImageSet:
        """The images at ``index`` as floats in [0, 1]."""
        if isinstance(self.images, StoredImages):
            return ImageSet(self.images.at(index), self.labels[index])
        return ImageSet(self.images[index].float().div_(255), self.labels[index])

    def keep(self, index: Tensor) -> Split:
        """The images at ``index``, as they are."""
        kept = self.images.at(index) if isinstance(self.images, StoredImages) else self.images[index]
        return Split(kept, self.labels[index])

    def digests(self) -> list[bytes]:
        """Hash each image; equal images have equal hashes."""
        return content_digests(self.images) if isinstance(self.images, StoredImages) else digests(self.images)


def without_repeats(train: Split, test: Split) -> Split:
    """Leave out training images that are byte for byte in the test split or earlier in the training split."""
    return train.keep(positions_without_repeats(train, test))


def positions_without_repeats(train: Split, test: Split) -> Tensor:
    """Find the training images that are not byte for byte in the test split or earlier in the training split, (K,)."""
    seen = set(test.digests())
    kept = []
    for index, content in enumerate(train.digests()):
        if content not in seen:
            seen.add(content)
            kept.append(index)
    return torch.tensor(kept, dtype=torch.int64)


def divide(train: Split, test: Split, classes: tuple[str, ...], aux_images: int | None) -> Pools:
    """Make the test split private and divide the training split into ``train`` and ``aux``.

    The division is the same for every run, has the classes in proportion, and a larger ``aux_images`` takes a
    superset of what a smaller one takes.

    Args:
        train: training split without repeats.
        test: test split.
        classes: names of the classes, in label order.
        aux_images: size of ``aux``; None for a fifth of the training split, at most ``MOST_AUX``.

    Raises:
        UsageError: if a class would be missing from ``train`` or ``aux``.
    """
    order = proportional_order(train.labels, classes)
    size = min(MOST_AUX, max(len(classes), len(order) // 5)) if aux_images is None else aux_images
    fewest, most = len(classes), len(order) - len(classes)
    if not fewest <= size <= most:
        raise UsageError(
            f"aux_images={size} does not fit: of the {len(order)} distinct training images, aux and train need at "
            f"least one for each of the {len(classes)} classes, so aux_images can be from {fewest} to {most}"
        )
    return Pools(
        train=train.select(order[size:]),
        aux=train.select(order[:size]),
        private=test.select(round_robin(test.labels)),
        classes=classes,
    )


def proportional_order(labels: Tensor, classes: tuple[str, ...]) -> Tensor:
    """Order (N,) by a fixed shuffle in which every prefix has the classes in proportion.

    Each class has its first image among the first K and its last among the last K, for K classes.

    Raises:
        UsageError: if a class has fewer than two images.
    """
    counts = torch.bincount(labels, minlength=len(classes))
    scarce = int(counts.argmin())
    if counts[scarce] < 2:
        raise UsageError(
            f"class {classes[scarce]!r} has {int(counts[scarce])} distinct training images that are not test images "
            "too; at least 2 are needed, one for train and one for aux"
        )
    shuffle = torch.randperm(len(labels), generator=torch.Generator().manual_seed(stream_seed("train and aux")))
    shuffled = labels[shuffle]
    position = rank_in_group(shuffled).double() / (counts[shuffled] - 1)  # (N,) in [0, 1]
    return shuffle[position.argsort(stable=True)]


def round_robin(groups: Tensor) -> Tensor:
    """Order (N,) that takes the first member of each group, then the second of each, and so on."""
    by_group = groups.argsort(stable=True)
    return by_group[rank_in_group(groups)[by_group].argsort(stable=True)]


def rank_in_group(groups: Tensor) -> Tensor:
    """Count for each element how many of its group come before it, (N,) int64."""
    order = groups.argsort(stable=True)
    counts = torch.bincount(groups)
    starts = counts.cumsum(0) - counts
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(groups)) - starts[groups[order]]
    return rank
