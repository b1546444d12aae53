"""One set of images from a Python object: an array, a pair with labels, an ImageSet or a torch Dataset."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from ..errors import UsageError
from ..interfaces import ImageSet, Pools, Task
from ..utils.plurals import count_of
from ..utils.texts import quoted
from ._given_images import as_array, as_images, is_array
from ._given_items import read_items


@dataclass(frozen=True)
class GivenSet:
    """Images with their labels as they were given.

    Attributes:
        images: Images (N, C, H, W), float32 in [0, 1].
        labels: Labels (N,) or (N, columns), numbers or texts. None if there are none.
        names: The names of the classes, if the object has them.
        sources: The sources of an ``ImageSet``.
        task: The task of an ``ImageSet``.
        attributes: The attributes of an ``ImageSet``.

    Example: See ``read_set``, which returns one.
    """

    images: Tensor
    labels: NDArray[Any] | None = None
    names: tuple[str, ...] | None = None
    sources: Tensor | None = None
    task: Task | None = None
    attributes: Tensor | None = None


def read_set(given: Any, where: str) -> GivenSet:
    """Read images and labels from an object.

    Args:
        given: Images, a list of images or PIL images, ``(images, labels)``, an ``ImageSet``, a torch ``Dataset`` or
            ``DataLoader``.
        where: What they are, for messages.

    Raises:
        UsageError: If it is another object, or the images or labels cannot be used.
    """
    if isinstance(given, ImageSet):
        return _from_image_set(given)
    if is_array(given):
        return GivenSet(as_images(given, where))
    if isinstance(given, tuple | list) and len(given) == 2 and is_array(given[0]) and not _are_images(given):
        images = as_images(given[0], where)
        return GivenSet(images, None if given[1] is None else as_labels(given[1], len(images), where))
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], list):
        images = read_set(given[0], where).images
        return GivenSet(images, None if given[1] is None else as_labels(given[1], len(images), where))
    if isinstance(given, list) and given:
        return _from_list(given, where)
    if isinstance(given, DataLoader):
        return read_set(given.dataset, where)
    if isinstance(given, Dataset) and not isinstance(given, IterableDataset):
        return _from_dataset(given, where)
    raise UsageError(
        f"Expected {where} as an array or tensor, a list of images, (images, labels), a torch Dataset with a length or "
        f"an ImageSet, got "
        f"{'Pools' if isinstance(given, Pools) else quoted(given)}. Give one of these."
    )


def _are_images(given: Any) -> bool:
    """Return whether a list of two holds two images, and not images and their labels."""
    return isinstance(given, list) and np.ndim(given[0]) in (2, 3) and np.ndim(given[0]) == np.ndim(given[1])


def _from_list(given: list[Any], where: str) -> GivenSet:
    """Read a list of images, of pairs of an image and a label, or of nested numbers."""
    if isinstance(given[0], list):
        try:
            return GivenSet(as_images(np.asarray(given), where))
        except ValueError as error:
            raise UsageError(f"Expected {where} of one size, got lists of several lengths. Resize them.") from error
    return _from_dataset(given, where)


def _from_image_set(given: ImageSet) -> GivenSet:
    labels = None if given.task == "unlabeled" else as_labels(given.labels, len(given), "the ImageSet")
    return GivenSet(given.images.detach().cpu(), labels, None, given.sources, given.task, given.attributes)


def _from_dataset(given: Dataset[Any] | list[Any], where: str) -> GivenSet:
    pixels, labels = read_items(given, where)
    images = as_images(pixels, where)
    return GivenSet(images, None if labels is None else as_labels(labels, len(images), where), _class_names(given))


def _class_names(given: Any) -> tuple[str, ...] | None:
    """Return the names of the classes of a dataset, which torchvision calls ``classes``; a subset has its dataset's."""
    while not hasattr(given, "classes") and hasattr(given, "dataset"):
        given = given.dataset
    names = getattr(given, "classes", None)
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names) if len(set(names)) == len(names) else None


def as_labels(given: Any, count: int, where: str) -> NDArray[Any]:
    """Return labels as an array, (N,) or (N, columns), of numbers or texts.

    Raises:
        UsageError: If there is not one label, or one row of numbers, for each image.
    """
    if isinstance(given, list | tuple) and any(isinstance(each, str) for each in given):
        given = np.array(given, dtype=object)  # NumPy would make a text of a missing value
    try:
        labels = _of_one_kind(as_array(given))
    except (TypeError, ValueError) as error:
        raise _wrong_labels(given, count, where) from error
    if labels.ndim not in (1, 2) or len(labels) != count or labels.dtype.kind not in "biufUS":
        raise _wrong_labels(labels, count, where)
    if labels.dtype.kind in "US" and labels.ndim == 2:
        raise _wrong_labels(labels, count, where)
    return np.char.decode(labels, "utf-8", "backslashreplace") if labels.dtype.kind == "S" else np.asarray(labels)


def _of_one_kind(labels: NDArray[Any]) -> NDArray[Any]:
    """Return objects, as pandas keeps texts and categories, as an array of texts or numbers if all are of one kind."""
    if labels.dtype.kind != "O" or labels.ndim not in (1, 2):
        return labels
    for kinds in (str, Number):
        if all(isinstance(each, kinds) for each in labels.flat):
            return np.array(labels.tolist())
    return labels


def _wrong_labels(given: Any, count: int, where: str) -> UsageError:
    """Name the first label that is none, or else what was given for all of them."""
    found = quoted(given)
    if isinstance(given, np.ndarray) and given.dtype.kind == "O" and given.shape == (count,):
        kind = str if any(isinstance(each, str) for each in given) else Number
        place = next((index for index, each in enumerate(given) if not isinstance(each, kind)), None)
        found = found if place is None else f"{quoted(given[place])} at position {place}"
    return UsageError(
        f"Expected a label for each of the {count_of(count, 'image')} of {where}, a number, a name or a row of "
        f"numbers, got {found}. Give each image its label, in the same order."
    )
