"""Fingerprints of images and pools, and the check that no image is in two pools."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ..errors import UsageError
from ..interfaces import ImageSet, Pools
from ..interfaces.stored_images import StoredImages
from .plurals import count_of, fitting

WHITE = 255
"""The largest 8-bit value."""
PART_IMAGES = 4096
"""Images that are rounded at a time."""


def are_bytes(images: Tensor) -> bool:
    """Return whether all values of images (N, C, H, W) are 8-bit values, multiples of 1/255, to rounding.

    Example:
        >>> are_bytes(torch.tensor([0.2])), are_bytes(torch.tensor([0.201]))
        (True, False)
    """
    levels = WHITE * images
    return not bool((levels - levels.round()).abs().max() > WHITE * 4 * torch.finfo(torch.float32).eps)


def _content_parts(images: Tensor) -> Iterator[tuple[Tensor, bytes]]:
    """Yield parts of images (N, C, H, W) in [0, 1], rounded to 8 bits, each with what identifies its values."""
    if isinstance(images, StoredImages):
        yield from ((part, _content_of(part)) for part in byte_parts(images))
        return
    for part in images.split(PART_IMAGES):
        (rounded,) = byte_parts(part)
        yield rounded, _content_of(rounded) + (b"" if are_bytes(part) else _content_of(part.float().cpu()))


def _content_of(values: Tensor) -> bytes:
    return values.contiguous().numpy().tobytes()


def byte_parts(images: Tensor) -> Iterator[Tensor]:
    """Round images (N, C, H, W) in [0, 1] to 8 bits, part by part: each (M, C, H, W) uint8 on the CPU."""
    if isinstance(images, StoredImages):
        yield from (part.pixels() for part in images.parts())
    else:
        for part in images.split(PART_IMAGES):
            yield part.mul(WHITE).round_().clamp_(0, 255).to(torch.uint8).cpu()


def to_bytes(images: Tensor) -> Tensor:
    """Round images (N, C, H, W) in [0, 1] to 8 bits and return them as (N, C, H, W) uint8 on the CPU."""
    return torch.cat(list(byte_parts(images)))


def digests(images: Tensor) -> list[bytes]:
    """Return a hash of 16 bytes for each image. Equal images have equal hashes.

    Args:
        images: Images (N, C, H, W), uint8, on the CPU.
    """
    rows = images.contiguous().flatten(1).numpy()  # (N, C*H*W)
    return [hashlib.blake2b(row, digest_size=16).digest() for row in rows]


def content_digests(images: Tensor) -> list[bytes]:
    """Hash each image (N, C, H, W) in [0, 1], rounded to 8 bits."""
    return [content for part in byte_parts(images) for content in digests(part)]


def in_neutral_order(pool: ImageSet) -> ImageSet:
    """Return a pool ordered by the hashes of its images, so that a position reveals nothing of a label or an origin.

    The order depends on the images alone: the same images from two sources are in the same order.
    """
    contents = content_digests(pool.images)
    order = sorted(range(len(pool)), key=contents.__getitem__)
    return pool[torch.tensor(order, dtype=torch.int64, device=pool.labels.device)]


def class_means(pool: ImageSet, classes: int) -> Tensor:
    """Return the mean image of each class, (classes, C, H, W). A class without images gets the mean of all images."""
    counts = torch.bincount(pool.labels, minlength=classes)  # (classes,)
    sums = pool.images.new_zeros(classes, *pool.images.shape[1:])
    for positions in torch.arange(len(pool), device=pool.labels.device).split(PART_IMAGES):
        sums.index_add_(0, pool.labels[positions], pool.images[positions])
    means = sums / counts.clamp(min=1).view(-1, 1, 1, 1)
    return torch.where((counts > 0).view(-1, 1, 1, 1), means, pool.images.mean(0)).clamp(0, 1)


def groups_of_equal(images: Tensor) -> Tensor:
    """Return a group number for each image, (N,) int64. Images that are equal to 8 bits have the same number.

    Args:
        images: Images (N, C, H, W) in [0, 1].

    Example:
        >>> groups_of_equal(torch.tensor([0.0, 1.0, 0.0]).view(3, 1, 1, 1))
        tensor([0, 1, 0])
    """
    first: dict[bytes, int] = {}
    numbers = [first.setdefault(content, index) for index, content in enumerate(content_digests(images))]
    return torch.tensor(numbers, dtype=torch.int64, device=images.device)


def independent_sources(pool: ImageSet) -> Tensor | None:
    """Return the source of each image of a pool, (N,), such that equal images are of one source.

    Images are equal if they are so to 8 bits. Two given sources that share an image become one, with the smaller
    number.

    Returns:
        The sources. None if all images differ and the pool gives no sources.
    """
    groups = groups_of_equal(pool.images).cpu()
    if len(groups.unique()) == len(groups):
        return pool.sources
    if pool.sources is None:
        return groups.to(pool.labels.device)
    numbers, owners = pool.sources.cpu().unique(return_inverse=True)
    while True:  # numbers are sorted, so the smallest position has the smallest number
        smallest = torch.full_like(groups, len(numbers)).scatter_reduce(0, groups, owners, "amin")[groups]
        joined = torch.arange(len(numbers)).scatter_reduce(0, owners, smallest, "amin")[owners]
        if torch.equal(joined, owners):
            return numbers[owners].to(pool.labels.device)
        owners = joined


def assert_disjoint(pools: Pools) -> None:
    """Check that no image, rounded to 8 bits, is in two pools.

    Raises:
        UsageError: If an image is in two pools. The message names the image and the pools.
    """
    owners: _Owners = {}
    for name, pool in _named(pools):
        _claim(owners, name, content_digests(pool.images))


def fingerprint(pools: Pools) -> str:
    """Hash shapes, labels and images of all pools, in order, into 16 hexadecimal digits.

    Images that are 8-bit values count with these, whatever the rounding of their floats; others with their floats, too.
    """
    content = hashlib.sha256()
    for name, pool in _named(pools):
        _start(content, name, pool)
        for _, values in _content_parts(pool.images):
            content.update(values)
    return content.hexdigest()[:16]


def disjoint_fingerprint(pools: Pools) -> str:
    """Return the ``fingerprint`` of pools after ``assert_disjoint``, in one pass over their images.

    Raises:
        UsageError: If an image is in two pools.
    """
    owners: _Owners = {}
    content = hashlib.sha256()
    for name, pool in _named(pools):
        _start(content, name, pool)
        found = []
        for part, values in _content_parts(pool.images):
            found += digests(part)
            content.update(values)
        _claim(owners, name, found)
    return content.hexdigest()[:16]


_Owners = dict[bytes, tuple[str, int]]
"""Maps the hash of each image to the name of its pool and its position there."""


def _claim(owners: _Owners, name: str, found: list[bytes]) -> None:
    """Record the hashes of the images of a pool as owned by it.

    Raises:
        UsageError: If an image is owned by another pool already.
    """
    shared = [index for index, content in enumerate(found) if content in owners]
    if shared:
        other, position = owners[found[shared[0]]]
        raise UsageError(
            f"Expected pools without a common image, but {len(shared)} of the {count_of(len(found), 'image')} in "
            f"{name} {fitting(len(shared), 'is', 'are')} also in another pool: image {shared[0]} of {name} is image "
            f"{position} of {other}. Remove repeats."
        )
    owners.update((content, (name, index)) for index, content in enumerate(found))


def _start(content: Any, name: str, pool: ImageSet) -> None:
    """Add the name, shape, labels and attributes of a pool to a hash."""
    content.update(f"{name} {tuple(pool.images.shape)}".encode())
    if pool.task != "classification":
        content.update(f"{pool.task} {tuple(pool.labels.shape)}".encode())
    content.update(pool.labels.cpu().contiguous().numpy().tobytes())
    if pool.attributes is not None:
        content.update(f"attributes {tuple(pool.attributes.shape)}".encode())
        content.update(pool.attributes.cpu().contiguous().numpy().tobytes())


def _named(pools: Pools) -> list[tuple[str, ImageSet]]:
    return [("private", pools.private), ("train", pools.train), ("aux", pools.aux)]
