"""Division of the attacker's images into those to fit to, to tune on and to judge on.

Images of one source, such as patches of one photograph that overlap, have one role, or what is fitted to some of them
would seem to be as good on images that it does not know.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
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
MIN_SINGLE_FOLD_SOURCES = 4 * MIN_HELD_OUT
"""Sources from which one fold is enough for these, since at most a quarter of the sources is then held out."""
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

    def of_images(self, owners: Tensor, judges: int) -> Fold:
        """Return the division of images (K,) that belong to the numbers of this one, at random.

        A part of the images has all sources in turn, so that a few of them tell of many sources.

        Args:
            owners: The number that each image belongs to, (K,).
            judges: Images to judge on, at most.
        """
        order = torch.randperm(len(owners))
        order = order[in_turn(owners[order])]
        fit, tune, judge = (order[torch.isin(owners[order], role)] for role in (self.fit, self.tune, self.judge))
        if torch.equal(self.tune, self.judge):
            return replace(Fold.of(tune, 0, len(tune), judges), fit=fit)
        return Fold(fit, tune[:MAX_HELD_OUT], judge[:judges])

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


def owners_of(count: int, sources: Tensor | None) -> Tensor:
    """Number the sources of images from 0, (count,); each image is its own without sources, or with a single one.

    Args:
        count: The number of images.
        sources: The source of each, (count,), if there are any.

    Example:
        >>> owners_of(4, torch.tensor([7, 2, 7, 5])), owners_of(3, None)
        (tensor([2, 0, 2, 1]), tensor([0, 1, 2]))
    """
    every = torch.arange(count)
    if sources is None:
        return every
    numbers, owners = sources.cpu().unique(return_inverse=True)
    return owners if 1 < len(numbers) < count else every


def in_turn(owners: Tensor) -> Tensor:
    """Return the order (K,) that takes one image of each source, then a second of each, and so on.

    Example:
        >>> in_turn(torch.tensor([0, 0, 1, 1]))
        tensor([0, 2, 1, 3])
    """
    grouped, order = owners.sort(stable=True)
    rank = torch.arange(len(order), device=order.device) - torch.searchsorted(grouped, grouped)
    return order[rank.argsort(stable=True)]


def divide_once(count: int, sources: Tensor | None = None) -> Fold:
    """Hold out a tenth of ``count`` images, at random; more of few images, and at most ``MAX_HELD_OUT``.

    With sources, a tenth of these is held out, each with all its images, and half of them serve to judge.

    Args:
        count: The number of images.
        sources: The source of each, (count,), if there are any.

    Raises:
        Inapplicable: If there are fewer than two.
    """
    if count < 2:
        raise Inapplicable(
            f"Expected at least 2 images of the attacker's own, to fit on one and judge on the other, got {count}. "
            "Give the attacker more images."
        )
    owners = owners_of(count, sources)
    units = int(owners.max()) + 1
    held = max(1, min(MAX_HELD_OUT, max(units // 10, min(MIN_HELD_OUT, units // 4))))
    fold = Fold.of(torch.randperm(units), units - held, units, MAX_JUDGES)
    return fold if units == count else fold.of_images(owners, MAX_JUDGES)


def divide_into_folds(count: int, sources: Tensor | None = None) -> tuple[Fold, ...]:
    """Divide ``count`` images once if they are many; else into folds, so that each image is held out in one of them.

    All images of a source are in one fold. If the sources are few, the images are divided into folds however many they
    are.

    Args:
        count: The number of images.
        sources: The source of each, (count,), if there are any.

    Source: cross-fitting, Chernozhukov et al. 2018, "Double/debiased machine learning", definition 3.2.

    Raises:
        Inapplicable: If there are fewer than two.
    """
    owners = owners_of(count, sources)
    units = int(owners.max()) + 1 if count else 0
    if count < 2 or (count >= MIN_SINGLE_FOLD_IMAGES and units >= MIN_SINGLE_FOLD_SOURCES):
        return (divide_once(count, sources),)
    folds, order = min(NUM_FOLDS, units), torch.randperm(units)
    ends = [round(units * index / folds) for index in range(folds + 1)]
    judges = MAX_JUDGES // folds
    found = tuple(Fold.of(order, start, stop, judges) for start, stop in itertools.pairwise(ends))
    return found if units == count else tuple(fold.of_images(owners, judges) for fold in found)
