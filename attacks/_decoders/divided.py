"""Queries divided into images to fit to and images held out, and the scores of attacks on the latter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ...benchmark.metrics import psnr, ssim
from .._shrinkage import Judged, shrink_to_mean, shrinkage_factor
from .folds import Fold, divide_into_folds, num_to_invert
from .queries import Queries


class Member(Protocol):
    """An attack that was fitted to each part, and finally to all images."""

    def rebuild(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Rebuild images (N, C, H, W) from wires (N, ...) for each part and, if there are more, from private ones."""
        ...


@dataclass(frozen=True)
class Known:
    """Images (N, C, H, W) that were found already, for the wires of each fold and the private ones."""

    images: Sequence[Tensor]

    def rebuild(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Return them."""
        return list(self.images)


class Answer(NamedTuple):
    """The reconstructions of an attack, and its scores on images that it was neither fitted to nor tuned on.

    Attributes:
        images: (N, C, H, W) in [0, 1].
        decibels: Mean PSNR on those of the attacker's images.
        similarity: Mean SSIM on those.
    """

    images: Tensor
    decibels: float
    similarity: float


class Divided:
    """Queries in one division or, if they are few, in several folds.

    Attributes:
        own: How many of the attacker's images there are.
        folds: Which of them each division holds out.
        parts: The queries as each division orders them.
        whole: All of them, for the final model; if there is only one part, that part.
    """

    def __init__(self, queries: Queries, folds: Sequence[Fold] | None = None) -> None:
        """Divide the queries, at random or into given folds."""
        self.own = queries.own
        self.folds = folds or divide_into_folds(queries.own, queries.sources)
        self.parts = [queries.part(fold) for fold in self.folds]
        self.whole = queries if len(self.parts) > 1 else self.parts[0]

    @cached_property
    def judges(self) -> list[tuple[Tensor, Tensor]]:
        """Return the wires (J, ...) and images (J, C, H, W) that each part judges on, the same for all attacks."""
        images = self.whole.images
        count = -(-num_to_invert(sum(len(part.judge) for part in self.parts), images[0]) // len(self.parts))
        some = [part.judge[:count] for part in self.parts]
        return [(part.wires(judge), part.images[judge]) for part, judge in zip(self.parts, some, strict=True)]

    @property
    def to_rebuild(self) -> list[Tensor]:
        """Return what an attack is applied to: the wires (J, ...) that each part judges on, then the private ones."""
        return [*(wires for wires, _ in self.judges), self.whole.observed]

    def answer(self, member: Member, mean: Tensor) -> Answer:
        """Apply a fitted attack to the private wires, shrunk as far as the images that judge it require.

        Args:
            member: The attack.
            mean: The mean of the attacker's images, (C, H, W).
        """
        *rebuilt, private = member.rebuild(self.to_rebuild)
        judged = [
            Judged(some, images, part.mean)
            for some, (_, images), part in zip(rebuilt, self.judges, self.parts, strict=True)
        ]
        factor = shrinkage_factor(*judged)
        shown = torch.cat([shrink_to_mean(each.rebuilt, each.mean, factor) for each in judged])
        truth = torch.cat([each.truth for each in judged])
        scores = (
            score.mean().nan_to_num(-torch.inf, torch.inf).item() for score in (psnr(shown, truth), ssim(shown, truth))
        )
        return Answer(shrink_to_mean(private, mean, factor).contiguous(), *scores)
