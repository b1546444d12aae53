"""The items of a torch Dataset as one array of images and one of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import Dataset

from ..errors import UsageError, describe
from ..utils.texts import quoted
from ._decode import WIDE_MODES
from ._given_images import as_array, is_array

READ_TWICE = 8
"""Images that are read twice, to find transforms that are random."""
MAX_BYTES = 2**32
"""The largest size of all images as floats."""
IMAGE_KEYS, LABEL_KEYS = ("image", "img", "images", "pixel_values", "x"), ("label", "labels", "target", "y")


def read_items(given: Dataset[Any] | list[Any], where: str) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Read all items: images, pairs of an image and a label, or tables with these.

    Returns:
        Images (N, C, H, W) or (N, H, W, C), and their labels if the items have some.

    Raises:
        UsageError: If an item cannot be read or does not hold an image, or if the images have several sizes, change
            from one reading to the next, or take too much memory.
    """
    count = _length(given, where)
    images: list[NDArray[Any]] = []
    labels: list[Any] = []
    for index in range(count):
        image, label = _item(given, index, where)
        if index == 0 and 4 * image.size * count > MAX_BYTES:
            raise UsageError(
                f"Expected {where} that fit into memory, got {count:,} images of {image.shape}. Give a part of them "
                "with torch.utils.data.Subset, or read them from files with imagefolder or npz."
            )
        if images and image.shape != images[0].shape:
            raise _several_shapes(images[0].shape, image.shape, index, where)
        if index < READ_TWICE and not np.array_equal(image, _item(given, index, where)[0]):
            raise UsageError(
                f"Expected {where} that are the same each time they are read, got others at position {index}. Remove "
                "random transforms."
            )
        images.append(image)
        labels.append(label)
    known = [label for label in labels if label is not None]
    if known and len(known) < count:
        raise UsageError(
            f"Expected a label for each of the {count} {where} or for none, got {len(known)}. Add the others."
        )
    try:
        return np.stack(images), as_array([as_array(label) for label in known]) if known else None
    except ValueError as error:
        raise UsageError(
            f"Expected labels of one form for all {where}, got labels of several lengths. Pad the shorter ones."
        ) from error


def _several_shapes(first: tuple[int, ...], other: tuple[int, ...], index: int, where: str) -> UsageError:
    if sorted(first)[1:] == sorted(other)[1:]:  # the shortest axis is that of the channels
        kind, mend = "with equally many channels", "Convert all of them to RGB, or all to gray."
    else:
        kind, mend = "of one size", "Add a transform that resizes them."
    return UsageError(f"Expected {where} {kind}, got {first} and {other} at position {index}. {mend}")


def _length(given: Dataset[Any] | list[Any], where: str) -> int:
    try:
        count = len(cast(Any, given))
    except (TypeError, NotImplementedError) as error:
        raise UsageError(
            f"Expected {where} of a Dataset with a length, got {type(given).__name__} without. Define __len__."
        ) from error
    if not count:
        raise UsageError(
            f"Expected {where} of a Dataset that is not empty, got {type(given).__name__} of length 0. Add images."
        )
    return count


def _item(given: Dataset[Any] | list[Any], index: int, where: str) -> tuple[NDArray[Any], Any]:
    """Return the image of an item, (C, H, W) or (H, W, C), and its label."""
    try:
        item: Any = given[index]
    except Exception as error:
        raise UsageError(
            f"Expected {where} that can be read, got an error at position {index} of {type(given).__name__}: "
            f"{describe(error).removesuffix('.')}. Mend its __getitem__."
        ) from error
    image, label = item, None
    if isinstance(item, Mapping):
        image = next((item[key] for key in IMAGE_KEYS if key in item), None)
        label = next((item[key] for key in LABEL_KEYS if key in item), None)
    elif isinstance(item, tuple | list) and item:
        image, label = item[0], item[1] if len(item) > 1 else None
    return _pixels(image, index, where), label


def _pixels(image: Any, index: int, where: str) -> NDArray[Any]:
    if isinstance(image, Image.Image):
        if image.mode.startswith(WIDE_MODES):
            raise UsageError(
                f"Expected images of 8 bits per channel, got mode {image.mode} at position {index} of {where}. Convert "
                "them: numpy.asarray(image) / 65535 has floats in [0, 1] if 65535 is white."
            )
        image = np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))
    if not is_array(image):
        raise UsageError(
            f"Expected an image at position {index} of {where}, a tensor, an array or a PIL image, got "
            f"{quoted(image)}. Convert it."
        )
    pixels = as_array(image)
    return pixels[None] if pixels.ndim == 2 else pixels
