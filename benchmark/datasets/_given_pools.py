"""The three pools from images that are given as Python objects."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UsageError
from ..interfaces import ImageSet, Pools
from ..utils.fingerprints import content_digests
from ..utils.plurals import count_of
from ._division import MAX_DEFAULT_AUX_IMAGES, proportional_order, round_robin
from ._given_sets import GivenSet, read_set
from ._labels import MAX_CLASS, ClassNumber, Labels, TaskChoice, labels_for_task, no_labels

logger = logging.getLogger(__name__)

SHARE = 5
"""One image of so many is private, and one of so many of the others is the attacker's."""
NAMES = ("train", "aux", "private")


def pools_of(
    given: Any, task: TaskChoice, *, aux_images: int | None = None, private_images: int | None = None
) -> Pools:
    """Return the pools that an object holds, or into which its images are divided.

    Args:
        given: ``Pools``, a mapping of pools, or what ``read_set`` reads.
        task: What the labels are for.
        aux_images: The number of the attacker's images. None takes a fifth of those that are not private.
        private_images: The number of private images. None takes a fifth of all.

    Raises:
        UsageError: If the images or labels cannot be used, or there are too few.
    """
    if isinstance(given, Pools):
        _refuse_sizes(aux_images=aux_images, private_images=private_images)
        if task not in ("auto", given.task):
            raise UsageError(
                f"Expected task={given.task}, as the Pools say, got task={task}. Leave it out, or give Pools for it."
            )
        return given.copy()
    if isinstance(given, Mapping):
        return _from_mapping(given, task, aux_images=aux_images, private_images=private_images)
    everything = read_set(given, "images")
    ((images, labels),) = _labeled([everything], task)
    whole = _without_repeats(images, content_digests(images.images))
    if len(whole) < len(NAMES):
        raise UsageError(
            f"Expected at least {len(NAMES)} different images, one each for the victim, the attacker and the private "
            f"pool, got {len(whole)}. Give more images."
        )
    private, rest = _taken(whole, labels.names, private_images, "private_images")
    aux, train = _taken(rest, labels.names, aux_images, "aux_images")
    return _pools(train, aux, _in_turn(private), labels.names)


def _refuse_sizes(**sizes: int | None) -> None:
    if any(size is not None for size in sizes.values()):
        raise UsageError("Expected aux_images and private_images only where one set is divided. Leave them out.")


def _from_mapping(given: Mapping[Any, Any], task: TaskChoice, **sizes: int | None) -> Pools:
    if not given.keys() <= set(NAMES) or "private" not in given or len(given) < 2:
        raise UsageError(
            f"Expected a table of pools with private, aux and train, of which aux or train may be missing, got "
            f"{', '.join(map(str, given)) or 'an empty one'}. Give the images under attack as private."
        )
    _refuse_sizes(**sizes)
    names = [name for name in NAMES if name in given]
    labeled = _labeled([read_set(given[name], name) for name in names], task)
    pools = {name: images for name, (images, _) in zip(names, labeled, strict=True)}
    classes = labeled[0][1].names
    if len(pools) == 2:
        known = next(name for name in ("aux", "train") if name in pools)
        missing = "train" if known == "aux" else "aux"
        pools[missing], pools[known] = _shared(pools[known], pools["private"], classes, known)
    return _pools(pools["train"], pools["aux"], pools["private"], classes)


def _pools(train: ImageSet, aux: ImageSet, private: ImageSet, classes: tuple[str, ...]) -> Pools:
    """Return pools whose attributes, which a set does not name, are numbered."""
    values = private.attributes
    names = () if values is None else tuple(f"attribute_{number}" for number in range(1, values.shape[1] + 1))
    return Pools(train, aux, private, classes, attributes=names)


def _shared(given: ImageSet, private: ImageSet, classes: tuple[str, ...], name: str) -> tuple[ImageSet, ImageSet]:
    """Divide a set between the attacker and the victim, a fifth and the others.

    Raises:
        UsageError: If it has images of another size, private images, or fewer than two different ones.
    """
    wanted, shape = tuple(private.images.shape[1:]), tuple(given.images.shape[1:])
    if shape != wanted:
        raise UsageError(f"Expected images {wanted} in {name} as in private, got {shape}. Give all images one size.")
    owned = {content: index for index, content in enumerate(content_digests(private.images))}
    found = content_digests(given.images)
    common = [index for index, content in enumerate(found) if content in owned]
    if common:
        raise UsageError(
            f"Expected no private image in {name}, got {len(common)} of {count_of(len(found), 'image')}: image "
            f"{common[0]} of {name} is image {owned[found[common[0]]]} of private. Remove repeats."
        )
    different = _without_repeats(given, found)
    if len(different) < 2:
        raise UsageError(
            f"Expected at least 2 different images in {name}, one each for the attacker and the victim, got "
            f"{len(different)}. Give more images."
        )
    return _taken(different, classes, None, name)


def _labeled(sets: Sequence[GivenSet], task: TaskChoice) -> list[tuple[ImageSet, Labels]]:
    """Bring the labels of sets to the form of one task, with the same names of classes."""
    counts = [len(each.images) for each in sets]
    labels = _labels(sets, _wanted(sets, task), sum(counts))
    parts = labels.values.split(counts)
    return [
        (ImageSet(each.images, values, each.sources, labels.task, each.attributes), labels)
        for each, values in zip(sets, parts, strict=True)
    ]


def _wanted(sets: Sequence[GivenSet], task: TaskChoice) -> TaskChoice:
    """Return what the labels are for: what the user says, else what an ``ImageSet`` says."""
    known: list[TaskChoice] = [each.task for each in sets if each.task is not None]
    return known[0] if known and task == "auto" else task


def _labels(sets: Sequence[GivenSet], wanted: TaskChoice, count: int) -> Labels:
    given = [each.labels for each in sets if each.labels is not None]
    if wanted == "unlabeled" or not given:
        return no_labels(count)
    if len(given) < len(sets):
        raise UsageError("Expected labels for all pools or for none, got some without. Give (images, labels) for each.")
    if len({values.shape[1:] for values in given}) > 1:
        raise UsageError("Expected labels of one form in all pools, got others. Give all one-hot, or all as numbers.")
    table = np.concatenate(given)
    names = next((each.names for each in sets if each.names), None)
    if table.dtype.kind in "US":
        return _of_names(table, wanted)
    if table.ndim == 2 and table.shape[1] == 1:
        table = table[:, 0]
    whole = table.ndim == 1 and table.dtype.kind in "biuf" and bool((table == np.rint(table)).all())
    whole = whole and bool((np.abs(table.astype(np.float64)) < MAX_CLASS).all())
    if wanted in ("auto", "classification") and whole:
        table = table.astype(np.int64)  # class numbers as floats are not numbers to predict
        if names and table.min() >= 0 and table.max() < len(names):
            return Labels(torch.from_numpy(table), "classification", names)
    columns = [ClassNumber(column) for column in range(1 if table.ndim == 1 else table.shape[1])]
    return labels_for_task(table, wanted, columns=columns, where="the labels", classes=True)


def _of_names(table: NDArray[Any], wanted: TaskChoice) -> Labels:
    """Return the classes of images whose labels are names, (N,)."""
    if wanted not in ("auto", "classification"):
        raise UsageError(
            f"Expected numbers for task={wanted}, got names such as {str(table[0])!r}. Leave out task, or give numbers."
        )
    found, numbers = np.unique(table, return_inverse=True)
    return Labels(torch.from_numpy(numbers.reshape(-1).astype(np.int64)), "classification", tuple(map(str, found)))


def _without_repeats(images: ImageSet, contents: Sequence[bytes]) -> ImageSet:
    """Return a set in which each image, by its hash, is there once, since pools must not share images."""
    first: dict[bytes, int] = {}
    for index, content in enumerate(contents):
        first.setdefault(content, index)
    if len(first) < len(images):
        repeated = count_of(len(images) - len(first), "image that equals another", "images that equal others")
        logger.info("Left out %s.", repeated)
    return images[torch.tensor(sorted(first.values()))]


def _taken(images: ImageSet, names: tuple[str, ...], count: int | None, name: str) -> tuple[ImageSet, ImageSet]:
    """Divide a set into so many images, by default a fifth, and the others, with the classes in proportion.

    If a class has fewer than two images, the division is random.
    """
    size = min(MAX_DEFAULT_AUX_IMAGES, max(1, len(images) // SHARE)) if count is None else count
    if len(images) < 2 or not 1 <= size < len(images):
        raise UsageError(
            f"Expected {name} from 1 to {max(1, len(images) - 1)}, got {size} of "
            f"{count_of(len(images), 'different image')}. Give more images: the victim, the attacker and the private "
            "images need one each."
        )
    order = _order(images, names)
    return images[order[:size]], images[order[size:]]


def _order(images: ImageSet, names: tuple[str, ...]) -> Tensor:
    if images.task == "classification":
        counts = torch.bincount(images.labels, minlength=len(names))
        if counts[counts > 0].min() >= 2:
            present, labels = images.labels.unique(return_inverse=True)
            return proportional_order(labels, tuple(names[index] for index in present.tolist()))
    return torch.randperm(len(images), generator=torch.Generator().manual_seed(0))


def _in_turn(private: ImageSet) -> ImageSet:
    """Return private images with their classes in turn, so that the first of them have as many as possible."""
    return private[round_robin(private.labels)] if private.task == "classification" else private
