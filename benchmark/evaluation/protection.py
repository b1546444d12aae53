"""The protected model and what was measured of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..interfaces import (
    ImageSet,
    SplitModel,
    Wire,
)
from ..metrics.costs import Costs
from ..utils.seeding import stream_seed
from .observe import chunks


@dataclass(frozen=True)
class Protected:
    """A setting made ready for attack.

    Attributes:
        model: the protected model.
        wire: what the adversary saw of the private images under attack.
        accuracy: its share of right answers on the private pool, or on a sample if the model asks for one.
        accuracy_undefended: that of the undefended target, on the same images.
        accuracy_images: how many these are.
        costs: its prices.
        details: what else was measured of it, by name.
    """

    model: SplitModel
    wire: Wire
    accuracy: float
    accuracy_undefended: float
    accuracy_images: int
    costs: Costs
    details: dict[str, float]


def sample_images(pool: ImageSet, count: int | None) -> ImageSet:
    """``count`` random images, the same in every run; all if there are fewer.

    The first ones would do if no pool were in the order of its classes, and those at equal distances if none had its
    classes in turn.
    """
    if count is None or count >= len(pool):
        return pool
    generator = torch.Generator().manual_seed(stream_seed("accuracy sample", len(pool)))
    return pool[torch.randperm(len(pool), generator=generator)[:count].to(pool.labels.device)]


@torch.no_grad()
def logits_of(classify: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Answers to images (N, C, H, W), which are copied, since a network may work in place: logits (N, classes)."""
    return torch.cat([classify(part.clone()) for part in chunks(images)])
