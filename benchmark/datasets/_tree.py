"""The images of a ``train/<class>/*``, ``test/<class>/*`` tree, decoded once."""

from __future__ import annotations

import torch
from torch import Tensor

from ..utils.cache import cached_tensors
from ._decode import VERSION, decode
from ._division import Split, without_repeats
from ._image_folder import SPLITS, Tree


def read_tree(tree: Tree, *, size: int, channels: int) -> tuple[Split, Split]:
    """The training split without repeats and the test split; cached until a file changes.

    Args:
        tree: the files.
        size: pixels a side that images are brought to.
        channels: 1 for gray, 3 for RGB.

    Raises:
        UsageError: if a file is damaged or no image.
    """
    identity = ["imagefolder", VERSION, size, channels, str(tree.root.resolve()), tree.stamp()]
    tensors = cached_tensors("datasets", identity, lambda: _decoded(tree, size, channels))
    train, test = (Split(tensors[f"{split}_images"], tensors[f"{split}_labels"]) for split in SPLITS)
    return train, test


def _decoded(tree: Tree, size: int, channels: int) -> dict[str, Tensor]:
    train, test = (_decode_split(tree, split, size, channels) for split in SPLITS)
    train = without_repeats(train, test)
    return {
        "train_images": train.images,
        "train_labels": train.labels,
        "test_images": test.images,
        "test_labels": test.labels,
    }


def _decode_split(tree: Tree, split: str, size: int, channels: int) -> Split:
    files = tree.files[split]
    images = decode([tree.root / path for path, _ in files], size=size, channels=channels)
    return Split(images, torch.tensor([label for _, label in files]))
