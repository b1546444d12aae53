"""What the pools hold: a fingerprint of it, and the check that no image is in two of them."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor

from ..errors import UsageError
from ..interfaces import ImageSet, Pools


def to_bytes(images: Tensor) -> Tensor:
    """Round images (N, C, H, W) in [0, 1] to 8 bits, (N, C, H, W) uint8 on the CPU."""
    chunks = [chunk.mul(255).round_().clamp_(0, 255).to(torch.uint8) for chunk in images.split(4096)]
    return torch.cat(chunks).cpu()


def digests(images: Tensor) -> list[bytes]:
    """Hash the content of each image; equal images have equal hashes.

    Args:
        images: (N, C, H, W) uint8 on the CPU.
    """
    rows = images.contiguous().flatten(1).numpy()  # (N, C*H*W)
    return [hashlib.blake2b(row, digest_size=16).digest() for row in rows]


def in_neutral_order(pool: ImageSet) -> ImageSet:
    """Order a pool by the hashes of its images, so that a position says nothing of a label or of an origin.

    The order follows from the images alone, so the same images are in the same order wherever they come from.
    """
    contents = digests(to_bytes(pool.images))
    order = sorted(range(len(pool)), key=contents.__getitem__)
    return pool[torch.tensor(order, dtype=torch.int64, device=pool.labels.device)]


def class_means(pool: ImageSet, classes: int) -> Tensor:
    """Average the images of each class, (classes, C, H, W); a class without images gets the mean of all."""
    counts = torch.bincount(pool.labels, minlength=classes)  # (classes,)
    sums = pool.images.new_zeros(classes, *pool.images.shape[1:]).index_add_(0, pool.labels, pool.images)
    means = sums / counts.clamp(min=1).view(-1, 1, 1, 1)
    return torch.where((counts > 0).view(-1, 1, 1, 1), means, pool.images.mean(0)).clamp(0, 1)


def groups_of_equal(images: Tensor) -> Tensor:
    """Number images (N, C, H, W) in [0, 1] so that those that are equal to 8 bits have one number, (N,) int64."""
    first: dict[bytes, int] = {}
    numbers = [first.setdefault(content, index) for index, content in enumerate(digests(to_bytes(images)))]
    return torch.tensor(numbers, dtype=torch.int64, device=images.device)


def assert_disjoint(pools: Pools) -> None:
    """Check that no image, rounded to 8 bits, is in two pools.

    Raises:
        UsageError: if one is; the message says which.
    """
    owners: _Owners = {}
    for name, pool in _named(pools):
        _claim(owners, name, to_bytes(pool.images))


def fingerprint(pools: Pools) -> str:
    """Hash shapes, labels and 8-bit images of all pools, in order, into 16 hexadecimal digits."""
    content = hashlib.sha256()
    for name, pool in _named(pools):
        _add(content, name, pool, to_bytes(pool.images))
    return content.hexdigest()[:16]


def disjoint_fingerprint(pools: Pools) -> str:
    """The fingerprint of pools that have no image in common; reads large pools once.

    Raises:
        UsageError: if an image is in two pools.
    """
    owners: _Owners = {}
    content = hashlib.sha256()
    for name, pool in _named(pools):
        images = to_bytes(pool.images)
        _claim(owners, name, images)
        _add(content, name, pool, images)
    return content.hexdigest()[:16]


_Owners = dict[bytes, tuple[str, int]]
"""Of each image by its hash, the pool that has it, and where."""


def _claim(owners: _Owners, name: str, images: Tensor) -> None:
    """Enter the 8-bit images of a pool as its own."""
    found = digests(images)
    shared = [index for index, content in enumerate(found) if content in owners]
    if shared:
        other, position = owners[found[shared[0]]]
        raise UsageError(
            f"the pools must have no image in common, but {len(shared)} of the {len(images)} images in {name} "
            f"are also in another pool: image {shared[0]} of {name} is image {position} of {other}"
        )
    owners.update((content, (name, index)) for index, content in enumerate(found))


def _add(content: Any, name: str, pool: ImageSet, images: Tensor) -> None:
    """Add a pool, with its 8-bit images, to a hash."""
    content.update(f"{name} {tuple(images.shape)}".encode())
    content.update(pool.labels.cpu().contiguous().numpy().data)
    content.update(images.numpy().data)


def _named(pools: Pools) -> list[tuple[str, ImageSet]]:
    return [("private", pools.private), ("train", pools.train), ("aux", pools.aux)]
