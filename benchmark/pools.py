"""What the pools hold: a fingerprint of it, and the check that no image is in two of them."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from .errors import UsageError
from .interfaces import ImageSet, Pools


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


def assert_disjoint(pools: Pools) -> None:
    """Check that no image, rounded to 8 bits, is in two pools.

    Raises:
        UsageError: if one is; the message says which.
    """
    owners: dict[bytes, tuple[str, int]] = {}
    for name, pool in _named(pools):
        found = digests(to_bytes(pool.images))
        shared = [index for index, content in enumerate(found) if content in owners]
        if shared:
            other, position = owners[found[shared[0]]]
            raise UsageError(
                f"the pools must have no image in common, but {len(shared)} of the {len(pool)} images in {name} "
                f"are also in another pool: image {shared[0]} of {name} is image {position} of {other}"
            )
        owners.update((content, (name, index)) for index, content in enumerate(found))


def fingerprint(pools: Pools) -> str:
    """Hash shapes, labels and 8-bit images of all pools, in order, into 16 hexadecimal digits."""
    content = hashlib.sha256()
    for name, pool in _named(pools):
        content.update(f"{name} {tuple(pool.images.shape)}".encode())
        content.update(pool.labels.cpu().contiguous().numpy().data)
        content.update(to_bytes(pool.images).numpy().data)
    return content.hexdigest()[:16]


def _named(pools: Pools) -> list[tuple[str, ImageSet]]:
    return [("private", pools.private), ("train", pools.train), ("aux", pools.aux)]
