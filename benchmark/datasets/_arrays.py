"""Images and labels in the arrays of a ``.npz`` file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import UsageError
from ..utils.cache import cached_tensors
from ._archive import Archive
from ._division import RawImages, positions_without_repeats, rank_in_group
from ._file_division import MIN_CLASS_IMAGES, TEST_SHARE
from ._pixel_cache import cached_pixels

LAYOUTS: tuple[dict[str, list[tuple[str, str]]], ...] = (
    {
        "train": [("train_images", "train_labels"), ("val_images", "val_labels")],
        "test": [("test_images", "test_labels")],
    },
    {"train": [("x_train", "y_train")], "test": [("x_test", "y_test")]},
    {"train": [("images", "labels")]},
    {"train": [("x", "y")]},
)
"""Names of the arrays of each split: MedMNIST's, Keras', and those of an archive that is not divided."""
OPTIONAL = frozenset({"val_images", "val_labels"})
MAX_IMAGES = 20_000_000
"""The largest number of images in an array: their labels are held in memory, and a small file can claim any number."""
VERSION = 1
"""Raised whenever the same file gives other pixels."""


def read_archive(path: Path) -> tuple[RawImages, RawImages, tuple[str, ...]]:
    """Read the training split without repeats, the test split, and the names of the classes.

    Decoded images are cached until the file changes.

    Raises:
        UsageError: if the file is missing or damaged, or its arrays are not images and labels.
    """
    with Archive(path) as archive:
        layout = _layout(archive)
        status = path.stat()
        identity = ["npz", VERSION, str(path.resolve()), status.st_size, status.st_mtime_ns]
        splits = {split: _split(archive, pairs, [*identity, split]) for split, pairs in layout.items()}
    names = sorted(set().union(*(split.labels.unique().tolist() for split in splits.values())))
    numbered = {
        split: RawImages(found.images, torch.searchsorted(torch.tensor(names), found.labels))
        for split, found in splits.items()
    }
    if "test" not in numbered:
        numbered = _divided(numbered["train"], names)
    train, test = numbered["train"], numbered["test"]
    if train.images.shape[1:] != test.images.shape[1:]:
        raise UsageError(
            f"Expected images of one shape in {path}, got {tuple(train.images.shape[1:])} and "
            f"{tuple(test.images.shape[1:])}. Resize them."
        )
    kept = cached_tensors("datasets", identity, lambda: {"train": positions_without_repeats(train, test)})["train"]
    return train.keep(kept), test, tuple(str(name) for name in names)


def _layout(archive: Archive) -> dict[str, list[tuple[str, str]]]:
    present = set(archive.names)
    for layout in LAYOUTS:
        wanted = {name for pairs in layout.values() for pair in pairs for name in pair}
        if wanted - OPTIONAL <= present:
            return {split: [pair for pair in pairs if set(pair) <= present] for split, pairs in layout.items()}
    raise UsageError(
        f"Expected arrays train_images, train_labels, test_images, test_labels, or x_train, y_train, x_test, y_test, "
        f"images, labels in {archive.path}, got {', '.join(sorted(present)[:12]) or 'none'}. Rename the arrays."
    )


def _split(archive: Archive, pairs: list[tuple[str, str]], identity: list[Any]) -> RawImages:
    """Join the arrays of one split."""
    headers = [archive.header(images) for images, _ in pairs]
    for header in headers:
        if header.shape[:1] > (MAX_IMAGES,):
            raise UsageError(
                f"Expected at most {MAX_IMAGES:,} images in the array {header.name} of {archive.path}, got "
                f"{header.shape[0]:,}. Divide the file."
            )
    shapes = {_channels_first(header.shape, archive.path, header.name) for header in headers}
    if len(shapes) > 1:
        raise UsageError(f"Expected images of one shape in {archive.path}, got {sorted(shapes)}. Resize them.")
    labels = torch.cat(
        [_labels(archive, name, header.shape[0]) for header, (_, name) in zip(headers, pairs, strict=True)]
    )
    shape = (len(labels), *shapes.pop())

    def parts() -> Iterator[NDArray[np.uint8]]:
        for header in headers:
            for part in archive.parts(header.name):
                yield _as_bytes(part, archive.path, header.name)

    return RawImages(cached_pixels(identity, shape, parts), labels)


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
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[3] in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind == "f" and len(images) and images.min() >= 0 and images.max() <= 1:
        return np.rint(images * 255).astype(np.uint8)
    low, high = (images.min(), images.max()) if images.dtype.kind in "iuf" and images.size else ("none", "none")
    raise UsageError(
        f"Expected images uint8, or floats in [0, 1], in the array {name} of {path}, got {images.dtype} from {low} to "
        f"{high}. Convert them."
    )


def _labels(archive: Archive, name: str, count: int) -> torch.Tensor:
    header = archive.header(name)
    if header.dtype.kind not in "iu" or header.shape not in ((count,), (count, 1)):
        raise UsageError(
            f"Expected one whole number for each of the {count} images, ({count},) or ({count}, 1), in the array "
            f"{name} of {archive.path}, got {header.shape} {header.dtype}. Give each image the number of its class."
        )
    values = np.concatenate([part.reshape(-1) for part in archive.parts(name)]) if count else np.zeros(0)
    return torch.from_numpy(values.astype(np.int64))


def _divided(everything: RawImages, names: list[int]) -> dict[str, RawImages]:
    """Make a fifth of the images of each class, but at least one, the test split."""
    counts = torch.bincount(everything.labels, minlength=len(names))
    scarce = int(counts.argmin())
    if counts[scarce] < MIN_CLASS_IMAGES:
        raise UsageError(
            f"Expected at least {MIN_CLASS_IMAGES} images of class {names[scarce]}, got {int(counts[scarce])}. Add "
            "images, so that the victim, the attacker and the test split have one each."
        )
    shuffle = torch.randperm(len(everything.labels), generator=torch.Generator().manual_seed(0))
    rank = torch.empty_like(everything.labels)
    rank[shuffle] = rank_in_group(everything.labels[shuffle])
    held = rank < (counts // TEST_SHARE).clamp(min=1)[everything.labels]
    return {"train": everything.keep((~held).nonzero()[:, 0]), "test": everything.keep(held.nonzero()[:, 0])}
