"""Which of the attacker's images a model is fitted to, tuned on and judged on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from ...benchmark.errors import Inapplicable

HELD_OUT = 200
"""Images at most that one division holds out."""
FEWEST = 16
"""Images at least that one division holds out, unless they would be more than a quarter."""
JUDGES = 32
"""Images at most on which an attack is judged, since inverting their wires takes as long as that of private ones."""
PIXELS = 2**10
"""Pixels of an image (32x32) above which an attack is judged and tuned on fewer images, down to half."""
TUNED = 8
"""Images on which settings are chosen, at least, or half of those held out."""
MANY = 400
"""Images from which a tenth, held out once, is enough to judge and to tune on; fewer are held out in turn."""
FOLDS = 4
"""Times that a model is fitted to judge all of few images."""

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Fold:
    """A division of the attacker's images, by index. No image is in two of the parts, if three or more are held out.

    Attributes:
        fit: what a model is fitted to.
        tune: what its settings are chosen on.
        judge: what it is compared with other models and trusted on.
    """

    fit: Tensor
    tune: Tensor
    judge: Tensor

    @classmethod
    def of(cls, order: Tensor, start: int, stop: int, judges: int) -> Fold:
        """Hold out ``order[start:stop]``, and judge on ``judges`` of them, or as many as leave enough to tune on."""
        held = order[start:stop]
        count = min(judges, max((len(held) + 1) // 2, len(held) - TUNED))
        tune = held[: len(held) - count] if len(held) > 1 else held  # a single image has to serve for both
        return cls(torch.cat([order[:start], order[stop:]]), tune, held[len(held) - count :])


@dataclass(frozen=True)
class Fitted(Generic[T]):
    """What was fitted to each fold, and the final fit.

    Attributes:
        each: one for each fold, fitted to its ``fit`` alone.
        final: fitted to all images; that of the fold if there is only one.
    """

    each: tuple[T, ...]
    final: T

    def map(self, function: Callable[[T], S]) -> Fitted[S]:
        """Apply a function to each."""
        return Fitted(tuple(function(one) for one in self.each), function(self.final))


def affordable(count: int, image: Tensor) -> int:
    """Return how many of ``count`` images like this one (C, H, W) are inverted to judge or to tune an attack."""
    return max(1, count // 2, min(count, count * PIXELS // image[0].numel()))


def divide_once(count: int) -> Fold:
    """Hold out a tenth of ``count`` images, at random; more of few images, and at most ``HELD_OUT``.

    Raises:
        Inapplicable: if there are fewer than two.
    """
    if count < 2:
        raise Inapplicable(
            f"Expected at least 2 images of the attacker's own, to fit on one and judge on the other, got {count}. "
            "Give the attacker more images."
        )
    held = max(1, min(HELD_OUT, max(count // 10, min(FEWEST, count // 4))))
    return Fold.of(torch.randperm(count), count - held, count, JUDGES)


def divide(count: int) -> tuple[Fold, ...]:
    """Divide ``count`` images once if they are many; else into folds, so that each image is held out in one of them.

    Source: cross-fitting, Chernozhukov et al. 2018, "Double/debiased machine learning", definition 3.2.

    Raises:
        Inapplicable: if there are fewer than two.
    """
    if count >= MANY or count < 2:
        return (divide_once(count),)
    folds, order = min(FOLDS, count), torch.randperm(count)
    ends = [round(count * index / folds) for index in range(folds + 1)]
    return tuple(Fold.of(order, start, stop, JUDGES // folds) for start, stop in itertools.pairwise(ends))
