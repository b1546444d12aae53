"""Images that nearly equal other ones, as frames of one video do."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

NEAR_R2 = 0.98
"""R² from which an image is a near copy. Among the 10,000 images of an attacker, the nearest to one of 1,000 images has
at most 0.965 on MNIST and 0.945 on CIFAR-10."""
COMPARED_SIZE = 32
"""Pixels a side to which larger images are reduced to find the nearest one."""
PART_NUMBERS = 2**24
"""Numbers of images that are compared at a time."""
CONSTANT = 1e-10
"""Squared distance of an image from the mean image up to which it is taken as that image."""


def near_any(images: Tensor, pool: Tensor, center: Tensor) -> Tensor:
    """Return which images are near copies of an image of a pool, (N,) bool.

    An image is a near copy of another that has an R² of at least 0.98 as its reconstruction: its squared distance is at
    most 2 % of that from the mean image. Of larger images, the nearest is found at 32 pixels a side, and then compared
    at full size.

    Args:
        images: Images (N, C, H, W).
        pool: Images (M, C, H, W), which may be stored on disk.
        center: The mean image, (C, H, W).

    Example:
        >>> pool = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        >>> near_any(torch.cat([pool[:1] + 0.001, 1 - pool[1:2]]), pool, pool.mean(0))
        tensor([ True, False])
    """
    smallest = torch.full((len(images),), torch.inf, device=images.device)
    nearest = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    for start, squares in _squares(images, pool, center):
        here, index = squares.min(1)
        nearest = torch.where(here < smallest, index + start, nearest)
        smallest = torch.minimum(here, smallest)
    near = _is_near(smallest, _reduced(images - center).square().sum(1))
    return _confirmed(images, pool, center, torch.where(near, nearest, -1)) >= 0


def first_near(images: Tensor, center: Tensor) -> Tensor:
    """Return for each image the position of the first image before it of which it is a near copy, (N,) int64.

    It is the own position of an image that is a near copy of none. ``near_any`` says what a near copy is.

    Args:
        images: Images (N, C, H, W).
        center: The mean image, (C, H, W).

    Example:
        >>> images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        >>> first_near(torch.cat([images, images[1:] + 0.001]), images.mean(0))
        tensor([0, 1, 2, 1, 2])
    """
    positions = torch.arange(len(images), device=images.device)
    limit = _reduced(images - center).square().sum(1)
    first = torch.full_like(positions, -1)
    for start, squares in _squares(images, images, center):
        earlier = torch.arange(start, start + squares.shape[1], device=images.device) < positions[:, None]
        near = _is_near(squares, limit[:, None]) & earlier
        first = torch.where((first < 0) & near.any(1), near.int().argmax(1) + start, first)
    first = _confirmed(images, images, center, first)
    return torch.where(first < 0, positions, first)


def _squares(images: Tensor, pool: Tensor, center: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Yield parts of the pool: the position of the first, and the squared distances at a reduced size, (N, M)."""
    own, start = _reduced(images - center), 0
    for part in pool.split(max(1, PART_NUMBERS // max(center.numel(), len(images)))):
        yield start, torch.cdist(own, _reduced(part - center)).square()
        start += len(part)


def _reduced(images: Tensor) -> Tensor:
    """Return images (N, C, H, W) of at most ``COMPARED_SIZE`` pixels a side, as (N, D)."""
    height, width = (min(side, COMPARED_SIZE) for side in images.shape[2:])
    return adaptive_avg_pool2d(images, (height, width)).flatten(1)


def _confirmed(images: Tensor, pool: Tensor, center: Tensor, found: Tensor) -> Tensor:
    """Return positions (N,) in the pool, -1 where there is none that is near at full size."""
    confirmed = found.clone()
    for position in (found >= 0).nonzero().flatten():
        image = images[position]
        other = pool[found[position].view(1)][0]
        if not _is_near((other - image).square().sum(), (image - center).square().sum()):
            confirmed[position] = -1
    return confirmed


def _is_near(square: Tensor, from_center: Tensor) -> Tensor:
    return (square <= (1 - NEAR_R2) * from_center) & (from_center > CONSTANT)
