"""Images that a frozen part of a network encodes, once or in each epoch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MAX_CACHED_BYTES = 1 << 30
"""Encoded images of up to this size are computed once. Larger ones are computed again in each epoch."""


def frozen_features(
    encode: Callable[[Tensor], Tensor], images: Tensor, *, cache: bool = True, batch_images: int = 64
) -> Callable[[Tensor], Tensor]:
    """Return a function that maps positions (B,) to encoded images (B, ...) without gradients.

    Args:
        encode: Maps images (B, C, H, W) to encoded images.
        images: All images, (N, C, H, W).
        cache: Encode all images once, if the result has at most ``MAX_CACHED_BYTES``.
        batch_images: Images that are encoded at a time for the cache.

    Example:
        >>> features = frozen_features(lambda images: images.flatten(1), torch.rand(10, 1, 2, 2))
        >>> features(torch.tensor([3, 5])).shape
        torch.Size([2, 4])
    """

    def encoded(batch: Tensor) -> Tensor:
        with torch.no_grad():
            return encode(images[batch])

    sample = encoded(torch.arange(1, device=images.device))
    if not cache or len(images) * sample.nbytes > MAX_CACHED_BYTES:
        return encoded
    table = sample.new_empty(len(images), *sample.shape[1:])
    for batch in torch.arange(len(images), device=images.device).split(batch_images):
        table[batch] = encoded(batch)
    return lambda batch: table[batch]
