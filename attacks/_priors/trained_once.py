"""What is learned from the attacker's images alone: it is trained once and kept on disk for all cells."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping

from torch import Tensor

from ...benchmark.utils.cache import cached_tensors
from ...benchmark.utils.seeding import seeded
from .._decoders.folds import Fold
from .._decoders.queries import Queries

logger = logging.getLogger(__name__)

Train = Callable[[Tensor], dict[str, Tensor]]
"""Learns named tensors from images (K, C, H, W)."""
Divide = Callable[[int, Tensor], tuple[Fold, ...]]
"""Divides a number of images of known sources (K,)."""


def trained_once(recipe: Mapping[str, object], images: Tensor, train: Train) -> dict[str, Tensor]:
    """Return named tensors that are learned from images, from the cache or by learning them.

    Their random numbers follow from the recipe and the images, so every cell gets the same tensors, whichever needs
    them first.

    Args:
        recipe: Everything but the images that determines the tensors, as JSON values.
        images: The attacker's, (K, C, H, W).
        train: Learns the tensors.

    Returns:
        The tensors, on the device of the images.
    """
    identity = {"recipe": dict(recipe), "images": digest_of(images), "shape": list(images.shape)}

    def compute() -> dict[str, Tensor]:
        logger.info("Training the prior %s on %d images.", recipe["name"], len(images))
        with seeded("prior", sorted(identity.items())):
            return train(images)

    return {name: tensor.to(images.device) for name, tensor in cached_tensors("priors", identity, compute).items()}


def divided_by_content(queries: Queries, divide: Divide) -> tuple[Fold, ...]:
    """Divide the attacker's images at random, but in the same way in every cell, so that priors can be shared."""
    with seeded("division", digest_of(queries.images[: queries.own])):
        return divide(queries.own, queries.sources)


def digest_of(images: Tensor) -> str:
    """Hash images (K, C, H, W) in their order."""
    return hashlib.sha256(images.detach().cpu().contiguous().numpy().tobytes()).hexdigest()[:16]
