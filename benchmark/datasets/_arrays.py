"""Images and labels in the arrays of a ``.npz`` file."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UsageError
from ..utils.cache import cached_tensors
from ..utils.plurals import count_of
from ._archive import Archive, Array
from ._array_names import ArrayLayout, layout_of
from ._decode import MAX_IMAGE_PIXELS
from ._division import RawImages, positions_without_repeats, rank_in_group
from ._file_division import MIN_CLASS_IMAGES, TEST_SHARE
from ._given_images import MAX_PIXEL, scaled
from ._labels import MAX_COLUMNS, ClassNumber, Labels, TaskChoice, labels_for_task, no_labels
from ._pixel_cache import MAX_FLOAT_BYTES, cached_pixels

logger = logging.getLogger(__name__)

MAX_ARRAY_IMAGES = 20_000_000
"""The largest number of images in an array: their labels are held in memory, and a small file can claim any number."""
VERSION = 2
"""Raised whenever the same file gives other pixels."""


def read_archive(path: Path, wanted: TaskChoice) -> tuple[RawImages, RawImages, tuple[str, ...]]:
    """Read the training split without repeats, the test split, and the names of the classes or columns of labels.

    Decoded images are cached until the file changes.

    Args:
        path: The file.
        wanted: What the labels are for.

    Raises:
        UsageError: If the file is missing or damaged, or its arrays are not images and labels.
    """
    with Archive(path) as archive:
        layout = layout_of(archive, wanted)
        status = path.stat()
        identity = ["npz", VERSION, str(path.resolve()), status.st_size, status.st_mtime_ns]
        pixels = {split: _pixels(archive, pairs, [*identity, split]) for split, pairs in layout.items()}
        labels = _labels(archive, layout, wanted)
    parts = labels.values.split([len(images) for images in pixels.values()])
    found = {
        split: RawImages(images, values, labels.task)
        for (split, images), values in zip(pixels.items(), parts, strict=True)
    }
    if "test" not in found:
        found = _divided(found["train"], labels.names)
    train, test = found["train"], found["test"]
    if train.images.shape[1:] != test.images.shape[1:]:
        raise UsageError(
            f"Expected images of one shape in {path}, got {tuple(train.images.shape[1:])} and "
            f"{tuple(test.images.shape[1:])}. Resize them."
        )
    division = [*identity, labels.task]  # an archive without a test split is divided as its task needs
    kept = cached_tensors("datasets", division, lambda: {"train": positions_without_repeats(train, test)})["train"]
    return train.keep(kept), test, labels.names


def _pixels(archive: Archive, pairs: list[tuple[str, str | None]], identity: list[Any]) -> Tensor:
    """Join the images of one split, (N, C, H, W): floats in [0, 1], or 8-bit values."""
    headers = [archive.header(images) for images, _ in pairs]
    shape = _shape(archive, headers)
    if any(header.dtype.kind == "f" for header in headers) and 4 * math.prod(shape) <= MAX_FLOAT_BYTES:
        images = cached_tensors("datasets", [*identity, "floats"], lambda: {"images": _floats(archive, headers)})
        return images["images"]
    return cached_pixels(identity, shape, lambda: _bytes(archive, headers))


def _shape(archive: Archive, headers: Sequence[Array]) -> tuple[int, int, int, int]:
    """Return the shape of the joined images."""
    for header in headers:
        if header.shape[:1] > (MAX_ARRAY_IMAGES,):
            raise UsageError(
                f"Expected at most {MAX_ARRAY_IMAGES:,} images in the array {header.name} of {archive.path}, got "
                f"{header.shape[0]:,}. Divide the file."
            )
    shapes = {_channels_first(header.shape, archive.path, header.name) for header in headers}
    if len(shapes) > 1:
        raise UsageError(f"Expected images of one shape in {archive.path}, got {sorted(shapes)}. Resize them.")
    (channels, height, width), count = shapes.pop(), sum(header.shape[0] for header in headers)
    where = f"the array {headers[0].name} of {archive.path}"
    if not count:
        raise UsageError(f"Expected at least one image in {where}, got none. Add images.")
    if not 0 < height * width <= MAX_IMAGE_PIXELS:
        raise UsageError(
            f"Expected images of 1 to {MAX_IMAGE_PIXELS:,} pixels in {where}, got {height}x{width}. Resize them."
        )
    return count, channels, height, width


def _bytes(archive: Archive, headers: Sequence[Array]) -> Iterator[NDArray[np.uint8]]:
    """Read images as 8-bit values, part by part, each (M, C, H, W)."""
    largest, exact = 0, True
    for header in headers:
        for part in archive.parts(header.name):
            images = _as_bytes(part, archive.path, header.name)
            exact = exact and _hold_bytes(part)
            largest = max(largest, int(images.max(initial=0)))
            yield images
    if largest == 1 and all(header.dtype.kind in "iu" for header in headers):
        raise UsageError(
            f"Expected images as 8-bit whole numbers or floats in [0, 1] in {archive.path}, got {headers[0].dtype} "
            "from 0 to 1. Convert them to floats if 1 is white."
        )
    if not exact:
        logger.warning(
            "Rounded the floats of %s to 8 bits, since they take more than 1 GiB. Give fewer images, or the arrays "
            "from Python, to keep them as they are.",
            archive.path,
        )


def _floats(archive: Archive, headers: Sequence[Array]) -> Tensor:
    """Read floats as (N, C, H, W): as 8-bit values if they are such, else as float32 in [0, 1]."""
    parts = [(header.name, part) for header in headers for part in archive.parts(header.name)]
    if all(_hold_bytes(part) for _, part in parts):
        return torch.from_numpy(np.concatenate([_as_bytes(part, archive.path, name) for name, part in parts]))
    given = [scaled(_with_channels_first(part), _place(archive.path, name)) for name, part in parts]
    return torch.from_numpy(np.ascontiguousarray(np.concatenate(given)))


def _hold_bytes(images: NDArray[Any]) -> bool:
    """Return whether numbers are whole, or floats that are multiples of 1/255 to the precision of their type."""
    if images.dtype.kind != "f":
        return True
    precision = max(4 * np.finfo(np.float32).eps, np.finfo(images.dtype).eps)
    with np.errstate(over="ignore", invalid="ignore"):
        levels = images.astype(np.float32) * MAX_PIXEL
        return bool((np.abs(levels - np.rint(levels)) <= MAX_PIXEL * precision).all())


def _channels_first(shape: tuple[int, ...], path: Path, name: str) -> tuple[int, int, int]:
    """Return the shape (C, H, W) of images (N, H, W), (N, H, W, C) or (N, C, H, W)."""
    match shape:
        case (_, height, width):
            return 1, height, width
        case (_, height, width, (1 | 3) as channels):
            return channels, height, width
        case (_, (1 | 3) as channels, height, width):
            return channels, height, width
    raise UsageError(
        f"Expected images (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels in the array {name} of {path}, "
        f"got {shape}. Reshape it."
    )


def _as_bytes(images: NDArray[Any], path: Path, name: str) -> NDArray[np.uint8]:
    """Bring images of any layout to (N, C, H, W) uint8."""
    images, where = _with_channels_first(images), _place(path, name)
    if images.dtype.kind not in "biuf":
        raise UsageError(f"Expected numbers in {where}, got {images.dtype}. Convert them.")
    whole = images.dtype.kind in "iu"
    if not images.size or (whole and images.min() >= 0 and images.max() <= MAX_PIXEL):
        return images.astype(np.uint8, copy=False)
    return np.rint(scaled(images, where) * 255).astype(np.uint8)


def _with_channels_first(images: NDArray[Any]) -> NDArray[Any]:
    """Bring images of any layout to (N, C, H, W)."""
    if images.ndim == 3:
        return images[:, None]
    return images.transpose(0, 3, 1, 2) if images.shape[3] in (1, 3) else images


def _place(path: Path, name: str) -> str:
    return f"the array {name} of {path}"


def _labels(archive: Archive, layout: ArrayLayout, wanted: TaskChoice) -> Labels:
    """Join the labels of all splits, and find out what they are for."""
    pairs = [pair for several in layout.values() for pair in several]
    counts = [archive.header(images).shape[0] for images, _ in pairs]
    named = [name for _, name in pairs if name is not None]
    if wanted == "unlabeled" or not named:
        return no_labels(sum(counts))
    tables = [_table(archive, name, count) for name, count in zip(named, counts, strict=True)]
    if len({table.shape[1] for table in tables}) > 1:
        raise UsageError(f"Expected as many numbers in all arrays of labels of {archive.path}, got others. Align them.")
    table, where = np.concatenate(tables), f"the array {named[0]} of {archive.path}"
    columns = [ClassNumber(column) for column in range(table.shape[1])]
    return labels_for_task(table, wanted, columns=columns, where=where, classes=True)


def _table(archive: Archive, name: str, count: int) -> NDArray[Any]:
    """Read labels as a table, (N, columns)."""
    header = archive.header(name)
    columns = 1 if len(header.shape) == 1 else header.shape[-1]
    wrong = header.shape not in ((count,), (count, columns)) or not 1 <= columns <= MAX_COLUMNS
    if header.dtype.kind not in "biuf" or wrong:
        raise UsageError(
            f"Expected one whole number for each of the {count_of(count, 'image')}, ({count},) or ({count}, 1), or a "
            f"row of numbers for each, in the array {name} of {archive.path}, got {header.shape} {header.dtype}. Give "
            "each image the number of its class, its labels or its numbers."
        )
    parts = [part.reshape(-1, columns) for part in archive.parts(name)]
    return np.concatenate(parts) if parts else np.zeros((0, columns), header.dtype)


def _divided(everything: RawImages, names: Sequence[str]) -> dict[str, RawImages]:
    """Make a fifth of the images of each class, but at least one, the test split; of all images without classes."""
    has_classes = everything.task == "classification"
    groups = everything.labels if has_classes else torch.zeros(len(everything.labels), dtype=torch.int64)
    counts = torch.bincount(groups, minlength=max(1, len(names)) if has_classes else 1)
    scarce = int(counts.argmin())
    if counts[scarce] < MIN_CLASS_IMAGES:
        group = f"images of class {names[scarce]}" if has_classes and names else "images"
        raise UsageError(
            f"Expected at least {MIN_CLASS_IMAGES} {group}, got {int(counts[scarce])}. Add images, so that the victim, "
            "the attacker and the test split have one each"
            + (", or give task=regression if the labels are numbers to predict." if has_classes else ".")
        )
    shuffle = torch.randperm(len(groups), generator=torch.Generator().manual_seed(0))
    rank = torch.empty_like(groups)
    rank[shuffle] = rank_in_group(groups[shuffle])
    held = rank < (counts // TEST_SHARE).clamp(min=1)[groups]
    return {"train": everything.keep((~held).nonzero()[:, 0]), "test": everything.keep(held.nonzero()[:, 0])}
