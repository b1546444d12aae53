"""A ``train/<class>/*``, ``test/<class>/*`` tree: what is in it, and its decoded images."""

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
from ._decode import VERSION, Frame, decode, suffixes
from ._division import Split, positions_without_repeats
from ._file_division import divide_files, spread
from ._pixel_cache import cached_pixels

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
        divided: whether the splits were made here, since the tree has no test split.
    """

    root: Path
    classes: tuple[str, ...]
    files: dict[str, list[tuple[str, int]]]
    divided: bool = False

    def limited(self, count: int | None) -> Tree:
        """Keep at most ``count`` files of each split, the classes in proportion."""
        if count is None:
            return self
        return replace(self, files={split: spread(files)[:count] for split, files in self.files.items()})

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
    Folders whose names differ only in how an accent is coded, as between systems, are one class. Without ``test``, or
    without both splits, a fifth of the images of each class becomes the test split.

    Raises:
        UsageError: if the tree is not complete, or its two splits have different classes.
    """
    if root is None:
        raise UsageError(
            "imagefolder needs --data-dir PATH, a folder with train/<class>/<image> and test/<class>/<image>"
        )
    if not root.is_dir():
        raise UsageError(f"--data-dir {root} is not a folder")
    undivided = _undivided(root)
    if undivided is None:
        found = {split: _class_folders(root, split) for split in SPLITS}
        _require_same_classes(root, found)
    else:
        found = {"train": _class_folders(root, undivided)}
    classes = tuple(sorted(found["train"]))
    if len(classes) < 2:
        folder = root / ("train" if undivided is None else undivided)
        raise UsageError(f"{folder} has only the class {', '.join(classes)!r}; a classifier needs 2 or more")
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
    """The folder of the class folders, relative to ``root``, where there is no test split; None if there is one."""
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
                f"class {lone[0]!r} is in {root / split} but not in {root / other}; both need the same class folders"
            )


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


def read_tree(tree: Tree, frame: Frame) -> tuple[Split, Split]:
    """Read the training split without repeats and the test split; decoded images are cached until a file changes.

    Args:
        tree: the files.
        frame: what the images are brought to.

    Raises:
        UsageError: if a file is damaged or no image.
    """
    identity = ["imagefolder", VERSION, *astuple(frame), str(tree.root.resolve()), tree.stamp()]
    train, test = (_read_split(tree, split, frame, identity) for split in SPLITS)
    kept = cached_tensors("datasets", identity, lambda: {"train": positions_without_repeats(train, test)})["train"]
    return train.keep(kept), test


def _read_split(tree: Tree, split: str, frame: Frame, identity: list[Any]) -> Split:
    paths = [tree.root / path for path, _ in tree.files[split]]
    shape = (len(paths), frame.channels, frame.height, frame.width)
    images = cached_pixels([*identity, split], shape, lambda: decode(paths, frame))
    return Split(images, torch.tensor([label for _, label in tree.files[split]]))
