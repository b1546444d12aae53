"""Distance of images in the features of a network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from .image_quality import check_shapes

DISTANCE_BATCH_IMAGES = 16
"""Images that the network sees at once, so that they fit into memory."""


@torch.no_grad()
def feature_distance(
    reconstructed: Tensor, original: Tensor, *, features: Callable[[Tensor], Tensor], size: int
) -> Tensor:
    """Compute 1 minus the cosine similarity of the features of each pair of images.

    Args:
        reconstructed: Reconstructions (N, C, H, W). Values are clamped to [0, 1].
        original: Originals (N, C, H, W).
        features: Gives one vector of features, (N, F), for images (N, 3, size, size) in [0, 1].
        size: Height and width of the images that the network takes. Others are resized bilinearly.

    Returns:
        The distances, from 0 for equal features to 2, (N,), float32. They are at most 1 where features are not
        negative.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> red, blue = torch.zeros(2, 1, 3, 8, 8)
        >>> red[:, 0] = blue[:, 2] = 1
        >>> feature_distance(red, blue, features=lambda images: images.mean((2, 3)), size=4)
        tensor([1.])
    """
    check_shapes(reconstructed, original)

    def described(images: Tensor) -> Tensor:
        images = functional.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)
        return features(images.clamp(0, 1).expand(-1, 3, -1, -1))

    pairs = zip(
        reconstructed.clamp(0, 1).split(DISTANCE_BATCH_IMAGES),
        original.clamp(0, 1).split(DISTANCE_BATCH_IMAGES),
        strict=True,
    )
    similarities = [functional.cosine_similarity(described(a), described(b)) for a, b in pairs]
    return (1 - torch.cat(similarities)).clamp(min=0)
