"""Image folders of the form ``train/<class>/*``, ``test/<class>/*``: their files and decoded images."""

from __future__ import annotations

import logging
import os
import stat
import unicodedata
from collections import defaultdict
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..errors import UsageError
from ..utils.cache import cached_tensors
from ._decode import DECODER_VERSION, Frame, decode, suffixes
from ._division import RawImages, positions_without_repeats
from ._file_division import divide_files, spread
from ._pixel_cache import cached_pixels

SPLITS = ("train", "test")

SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini"})
"""Names, in lower case, of files that Windows creates in folders of images."""

LAYOUT = "train/<class>/<image> and test/<class>/<image>"
"""The layout of an image folder, in words."""


@dataclass(frozen=True)
class Tree:
    """The image files of an image folder.

    Attributes:
        root: The image folder.
        classes: Names of the class folders in Unicode's composed form (NFC), sorted. Both splits have the same ones.
        files: For each split, a list of (path relative to ``root``, label), sorted by class and file name.
        divided: Whether ``scan`` has divided the files into the splits, since the folder has no test split.
    """

    root: Path
    classes: tuple[str, ...]
    files: dict[str, list[tuple[str, int]]]
    divided: bool = False

    def limited(self, count: int | None) -> Tree:
        """Return a tree with at most ``count`` files of each split, with the classes in proportion."""
        if count is None:
            return self
        return replace(self, files={split: spread(files)[:count] for split, files in self.files.items()})

    def stamp(self) -> list[tuple[str, int, int]]:
        """Return the relative path, the bytes and the time of change in ns of every file.

        The result differs whenever the content of a file may differ.

        Raises:
            UsageError: If the status of a file cannot be read, for example of a broken link.
        """
        found = []
        for path, _ in self.files["train"] + self.files["test"]:
            try:
                status = os.stat(f"{self.root}/{path}")  # strings: pathlib takes a second longer for 60,000 files
            except OSError as error:
                raise UsageError(f"Cannot read the image {self.root / path}: {error.strerror}.") from error
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"Expected the image {self.root / path} to be a regular file. Remove or replace it.")
            found.append((path, status.st_size, status.st_mtime_ns))
        return found


def scan(root: Path | None) -> Tree:
    """List the images of an image folder.

    Hidden files and folders are ignored, as are files whose suffix does not belong to an image format that Pillow
    reads. Folders whose names differ only in the encoding of an accent, as between operating systems, are one class.
    Without the folder ``test``, or without both splits, a fifth of the images of each class becomes the test split.

    Raises:
        UsageError: If the folder is incomplete, or its two splits have different classes.
    """
    if root is None:
        raise UsageError(f"The dataset imagefolder needs a folder with {LAYOUT}. Give it with --data-dir PATH.")
    if not root.is_dir():
        raise UsageError(f"Expected --data-dir to be a folder, got {root}. Give a folder with {LAYOUT}.")
    undivided = _undivided(root)
    if undivided is None:
        found = {split: _class_folders(root, split) for split in SPLITS}
        _require_same_classes(root, found)
    else:
        found = {"train": _class_folders(root, undivided)}
    classes = tuple(sorted(found["train"]))
    if len(classes) < 2:
        folder = root / ("train" if undivided is None else undivided)
        raise UsageError(
            f"Expected at least 2 class folders in {folder}, got only {', '.join(classes)!r}. Add another class."
        )
    files = {
        split: [
            (path, label)
            for label, name in enumerate(classes)
            for path in _images(
                root, [f"{split if undivided is None else undivided}/{folder}" for folder in folders[name]]
            )
        ]
        for split, folders in found.items()
    }
    if undivided is None:
        return Tree(root, classes, files)
    return Tree(root, classes, divide_files(files["train"], classes), divided=True)


def _undivided(root: Path) -> str | None:
    """Return the folder that holds the class folders, relative to ``root``, or None if there is a test split."""
    present = [split for split in SPLITS if (root / split).is_dir()]
    if present == ["train"]:
        return "train"
    within = all((root.parent / split).is_dir() for split in SPLITS)
    if present or within:
        return None
    folders = [entry for entry in _visible(root) if _is_folder(entry)]
    has_images = any(
        Path(entry.name).suffix.lower() in suffixes() for each in folders for entry in _visible(root / each.name)
    )
    return "." if has_images else None


def _require_same_classes(root: Path, found: dict[str, dict[str, list[str]]]) -> None:
    for split, other in (("train", "test"), ("test", "train")):
        lone = sorted(found[split].keys() - found[other].keys())
        if lone:
            raise UsageError(
                f"Expected the same class folders in {root / split} and {root / other}, got {lone[0]!r} only in "
                f"{split}. Add it to {other}, or remove it."
            )


def _class_folders(root: Path, split: str) -> dict[str, list[str]]:
    """Return the folders of each class: several if their names are one name in several encodings."""
    folder = root / split
    if not folder.is_dir():
        above = root.parent
        both = all((above / each).is_dir() for each in SPLITS)
        action = f"Give --data-dir {above}, which has both." if both else "Put your images there."
        raise UsageError(f"Expected {LAYOUT} in {root}, which has no folder {split}/. {action}")
    found: dict[str, list[str]] = defaultdict(list)
    for entry in _visible(folder):
        if _is_folder(entry):
            found[unicodedata.normalize("NFC", entry.name)].append(entry.name)
    if not found:
        raise UsageError(f"Expected {split}/<class>/<image>, but {folder} has no class folders. Add one per class.")
    return found


def _images(root: Path, folders: list[str]) -> list[str]:
    """Return the image files in the folders of one class."""
    known, found, others = suffixes(), [], []
    for folder in folders:
        for entry in _visible(root / folder):
            if _is_folder(entry):
                raise UsageError(
                    f"Expected only images in a class folder, got the folder {entry.path}. Move it elsewhere."
                )
            is_image = os.path.splitext(entry.name)[1].lower() in known
            (found if is_image else others).append(f"{folder}/{entry.name}")
    ignored = [path for path in others if path.rpartition("/")[2].lower() not in SYSTEM_FILES]
    if not found:
        reason = f" (the suffix of {root / ignored[0]} is not that of an image format)" if ignored else ""
        raise UsageError(
            f"The class folder {root / folders[0]} has no images{reason}. Add images, or remove the class from both "
            "splits."
        )
    if ignored:
        logging.getLogger(__name__).warning(
            "Ignored %d files whose suffix is not that of an image format, such as %s.", len(ignored), root / ignored[0]
        )
    return found


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((each for each in entries if not each.name.startswith(".")), key=lambda each: each.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder or a link to one. A link to itself is not."""
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def read_tree(tree: Tree, frame: Frame) -> tuple[RawImages, RawImages]:
    """Return the training split without repeats and the test split. Decoded images are cached until a file changes.

    Args:
        tree: Files of the image folder.
        frame: Shape of the decoded images.

    Raises:
        UsageError: If a file is damaged or not an image.
    """
    identity = ["imagefolder", DECODER_VERSION, *astuple(frame), str(tree.root.resolve()), tree.stamp()]
    train, test = (_read_split(tree, split, frame, identity) for split in SPLITS)
    kept = cached_tensors("datasets", identity, lambda: {"train": positions_without_repeats(train, test)})["train"]
    return train.keep(kept), test


def _read_split(tree: Tree, split: str, frame: Frame, identity: list[Any]) -> RawImages:
    paths = [tree.root / path for path, _ in tree.files[split]]
    shape = (len(paths), frame.channels, frame.height, frame.width)
    images = cached_pixels([*identity, split], shape, lambda: decode(paths, frame))
    return RawImages(images, torch.tensor([label for _, label in tree.files[split]]))
