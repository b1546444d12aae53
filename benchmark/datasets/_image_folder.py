"""A ``train/<class>/*``, ``test/<class>/*`` tree: what is in it, and its decoded images."""

from __future__ import annotations

import logging
import os
import stat
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import UsageError
from ..utils.cache import cached_tensors
from ._decode import VERSION, decode, suffixes
from ._division import Split, without_repeats

SPLITS = ("train", "test")

OF_SYSTEMS = frozenset({"thumbs.db", "desktop.ini"})
"""Files that Windows puts into folders of images, in lower case."""


@dataclass(frozen=True)
class Tree:
    """The image files of a tree.

    Attributes:
        root: the folder that holds ``train`` and ``test``.
        classes: folder names in Unicode's composed form (NFC), sorted, the same in both splits.
        files: per split, a list of (path relative to ``root``, label), sorted by class and file name.
    """

    root: Path
    classes: tuple[str, ...]
    files: dict[str, list[tuple[str, int]]]

    def stamp(self) -> list[tuple[str, int, int]]:
        """List relative path, bytes and time of change in ns of every file: it differs when the content may.

        Raises:
            UsageError: if a file cannot be looked at, such as a link to nowhere.
        """
        found = []
        for path, _ in self.files["train"] + self.files["test"]:
            try:
                status = os.stat(f"{self.root}/{path}")  # strings: pathlib takes a second longer for 60,000 files
            except OSError as error:
                raise UsageError(f"cannot read the image {self.root / path}: {error.strerror}") from error
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"cannot read the image {self.root / path}: it is no regular file; remove it")
            found.append((path, status.st_size, status.st_mtime_ns))
        return found


def scan(root: Path | None) -> Tree:
    """List the images of a tree.

    Hidden files and folders are passed over, and files whose suffix is not one of an image format that Pillow reads.
    Folders whose names differ only in how an accent is coded, as between systems, are one class.

    Raises:
        UsageError: if the tree is not complete, or its two splits have different classes.
    """
    if root is None:
        raise UsageError(
            "imagefolder needs --data-dir PATH, a folder with train/<class>/<image> and test/<class>/<image>"
        )
    if not root.is_dir():
        raise UsageError(f"--data-dir {root} is not a folder")
    found = {split: _class_folders(root, split) for split in SPLITS}
    for split, other in (("train", "test"), ("test", "train")):
        lone = sorted(found[split].keys() - found[other].keys())
        if lone:
            raise UsageError(
                f"class {lone[0]!r} is in {root / split} but not in {root / other}; both need the same class folders"
            )
    classes = tuple(sorted(found["train"]))
    if len(classes) < 2:
        raise UsageError(f"{root / 'train'} has only the class {', '.join(classes)!r}; a classifier needs 2 or more")
    files = {
        split: [
            (path, label)
            for label, name in enumerate(classes)
            for path in _images(root, [f"{split}/{folder}" for folder in found[split][name]])
        ]
        for split in SPLITS
    }
    return Tree(root, classes, files)


def _class_folders(root: Path, split: str) -> dict[str, list[str]]:
    """The folders of each class, of which there are several if they are coded in several ways."""
    folder = root / split
    if not folder.is_dir():
        above = root.parent
        both = all((above / each).is_dir() for each in SPLITS)
        mend = f"give --data-dir {above}, which has both" if both else "put your images there"
        raise UsageError(
            f"{root} has no folder {split}/; imagefolder needs train/<class>/<image> and test/<class>/<image>; {mend}"
        )
    found: dict[str, list[str]] = defaultdict(list)
    for entry in _visible(folder):
        if _is_folder(entry):
            found[unicodedata.normalize("NFC", entry.name)].append(entry.name)
    if not found:
        raise UsageError(f"{folder} has no class folders; imagefolder needs {split}/<class>/<image>")
    return found


def _images(root: Path, folders: list[str]) -> list[str]:
    """The image files of the folders of one class."""
    known, found, others = suffixes(), [], []
    for folder in folders:
        for entry in _visible(root / folder):
            if _is_folder(entry):
                raise UsageError(f"{entry.path} is a folder; a class folder holds images only")
            is_image = os.path.splitext(entry.name)[1].lower() in known
            (found if is_image else others).append(f"{folder}/{entry.name}")
    strange = [path for path in others if path.rpartition("/")[2].lower() not in OF_SYSTEMS]
    if not found:
        ignored = f" (the suffix of {root / strange[0]} is of no image format)" if strange else ""
        raise UsageError(
            f"the class folder {root / folders[0]} has no images{ignored}; add some, or remove the class from both "
            "splits"
        )
    if strange:
        logging.getLogger(__name__).warning(
            "Ignored files whose suffix is of no image format: %d, such as %s.", len(strange), root / strange[0]
        )
    return found


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((each for each in entries if not each.name.startswith(".")), key=lambda each: each.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a link that leads round in a circle is none."""
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


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
