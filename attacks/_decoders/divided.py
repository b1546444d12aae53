"""Queries divided into what is fitted to and what is held out, and attacks judged on the latter."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from .._shrinkage import shrink, trust
from .fitting import Rebuild, apply
from .folds import Fitted, divide
from .queries import Queries


class Answer(NamedTuple):
    """What an attack makes of the private wires.

    Attributes:
        images: (N, C, H, W) in [0, 1].
        decibels: mean PSNR on those of the attacker's images that the attack was neither fitted to nor tuned on.
    """

    images: Tensor
    decibels: float


class Divided:
    """Queries in one division or, if they are few, in several.

    Attributes:
        parts: the queries as each division orders them.
        whole: what the final model is fitted to: all of them; the part itself if it is the only one.
    """

    def __init__(self, queries: Queries) -> None:
        """Divide the queries."""
        self.parts = [queries.part(fold) for fold in divide(queries.own)]
        self.whole = queries if len(self.parts) > 1 else self.parts[0]

    @cached_property
    def judges(self) -> list[tuple[Tensor, Tensor]]:
        """Wires (J, ...) and images (J, C, H, W) that each part judges on, with the same noise for all attacks."""
        return [(part.wires(part.judge), part.images[part.judge]) for part in self.parts]

    def answer(self, rebuild: Fitted[Rebuild], mean: Tensor) -> Answer:
        """Apply a fitted attack to the private wires, as far as it can be trusted on the images that judge it.

        Args:
            rebuild: maps wires (N, ...) to images (N, C, H, W).
            mean: the mean of the attacker's images, (C, H, W).
        """
        rebuilt = torch.cat([apply(one, wires) for one, (wires, _) in zip(rebuild.each, self.judges, strict=True)])
        truth = torch.cat([images for _, images in self.judges])
        means = torch.cat([part.mean.expand_as(part.images[part.judge]) for part in self.parts])
        factor = trust(rebuilt, truth, means)
        images = shrink(apply(rebuild.final, self.whole.observed), mean, factor).contiguous()
        return Answer(images, decibels(shrink(rebuilt, means, factor), truth))


def decibels(images: Tensor, truth: Tensor) -> float:
    """Mean PSNR."""
    errors = (images - truth).square().flatten(1).mean(1)
    return -10 * errors.clamp(min=1e-10).log10().mean().item()
