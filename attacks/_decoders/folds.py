"""Division of the attacker's images into those to fit to, to tune on and to judge on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from ...benchmark.errors import Inapplicable

MAX_HELD_OUT = 200
"""Images that one fold holds out, at most."""
MIN_HELD_OUT = 16
"""Images that a single fold holds out, at least, unless they would be more than a quarter."""
MAX_JUDGES = 32
"""Images on which an attack is judged, at most, since inverting their wires costs as much as private ones."""
SMALL_IMAGE_PIXELS = 2**10
"""Pixels of an image (32x32) above which an attack is judged and tuned on fewer images, down to half."""
MIN_TUNED = 8
"""Images on which settings are chosen, at least, or half of those held out."""
MIN_SINGLE_FOLD_IMAGES = 400
"""Images from which one fold is enough to judge and to tune on; of fewer, each is held out in one of several folds."""
NUM_FOLDS = 4
"""Folds for fewer images. Eight took twice as long and gave no better scores on MNIST relu2 with 20 images."""

T = TypeVar("T")


@dataclass(frozen=True)
class Fold:
    """A division of the attacker's images, by index. No image has two roles if two or more are held out.

    Attributes:
        fit: Images that a model is fitted to.
        tune: Images on which its settings are chosen.
        judge: Images on which it is compared with other models.
    """

    fit: Tensor
    tune: Tensor
    judge: Tensor

    @classmethod
    def of(cls, order: Tensor, start: int, stop: int, judges: int) -> Fold:
        """Hold out ``order[start:stop]``; judge on at most ``judges`` of them, so that enough are left to tune on."""
        held = order[start:stop]
        count = min(judges, max((len(held) + 1) // 2, len(held) - MIN_TUNED))
        tune = held[: len(held) - count] if len(held) > 1 else held  # a single image serves for both
        return cls(torch.cat([order[:start], order[stop:]]), tune, held[len(held) - count :])


@dataclass(frozen=True)
class Fitted(Generic[T]):
    """A model for each fold, and the final one.

    Attributes:
        each: One model for each fold, fitted to its ``fit`` alone.
        final: The model for private wires, from all images; that of the fold if there is only one.
    """

    each: tuple[T, ...]
    final: T


class StageModels(NamedTuple, Generic[T]):
    """A model for each stage of an attack, fitted to all images that may be known there.

    Attributes:
        tune: For the images that each fold tunes on, fitted to those that it does not hold out.
        judge: For the images that each fold judges on, fitted to all others, so that it is nearly as good as the final.
        final: For the private images, fitted to all.
    """

    tune: tuple[T, ...]
    judge: tuple[T, ...]
    final: T


def num_to_invert(count: int, image: Tensor) -> int:
    """Return how many of ``count`` images like this one (C, H, W) are inverted to judge or to tune an attack."""
    return max(1, count // 2, min(count, count * SMALL_IMAGE_PIXELS // image[0].numel()))


def divide_once(count: int) -> Fold:
    """Hold out a tenth of ``count`` images, at random; more of few images, and at most ``MAX_HELD_OUT``.

    Raises:
        Inapplicable: If there are fewer than two.
    """
    if count < 2:
        raise Inapplicable(
            f"Expected at least 2 images of the attacker's own, to fit on one and judge on the other, got {count}. "
            "Give the attacker more images."
        )
    held = max(1, min(MAX_HELD_OUT, max(count // 10, min(MIN_HELD_OUT, count // 4))))
    return Fold.of(torch.randperm(count), count - held, count, MAX_JUDGES)


def divide_into_folds(count: int) -> tuple[Fold, ...]:
    """Divide ``count`` images once if they are many; else into folds, so that each image is held out in one of them.

    Source: cross-fitting, Chernozhukov et al. 2018, "Double/debiased machine learning", definition 3.2.

    Raises:
        Inapplicable: If there are fewer than two.
    """
    if count >= MIN_SINGLE_FOLD_IMAGES or count < 2:
        return (divide_once(count),)
    folds, order = min(NUM_FOLDS, count), torch.randperm(count)
    ends = [round(count * index / folds) for index in range(folds + 1)]
    return tuple(Fold.of(order, start, stop, MAX_JUDGES // folds) for start, stop in itertools.pairwise(ends))
