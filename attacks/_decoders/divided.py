"""Queries divided into what is fitted to and what is held out, and attacks judged on the latter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ...benchmark.metrics import psnr
from .._shrinkage import shrink, trust
from .folds import affordable, divide
from .queries import Queries


class Member(Protocol):
    """An attack that was fitted to each part, and finally to all images."""

    def rebuild(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Rebuild images (N, C, H, W) from wires (N, ...) for each part and, if there are more, from private ones."""
        ...


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
        images = self.whole.images
        count = -(-affordable(sum(len(part.judge) for part in self.parts), images[0]) // len(self.parts))
        some = [part.judge[:count] for part in self.parts]
        return [(part.wires(judge), part.images[judge]) for part, judge in zip(self.parts, some, strict=True)]

    def answer(self, member: Member, mean: Tensor) -> Answer:
        """Apply a fitted attack to the private wires, as far as it can be trusted on the images that judge it.

        Args:
            member: the attack.
            mean: the mean of the attacker's images, (C, H, W).
        """
        *judged, private = member.rebuild([*(wires for wires, _ in self.judges), self.whole.observed])
        rebuilt, truth = torch.cat(judged), torch.cat([images for _, images in self.judges])
        means = torch.cat([part.mean.expand_as(images) for part, images in zip(self.parts, judged, strict=True)])
        factor = trust(rebuilt, truth, means)
        reached = psnr(shrink(rebuilt, means, factor), truth).mean().item()
        return Answer(shrink(private, mean, factor).contiguous(), reached)
