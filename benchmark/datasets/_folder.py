"""What is in a ``train/<class>/*``, ``test/<class>/*`` tree, before any image is opened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Tree:
    """The image files of a tree.

    Attributes:
        root: the folder that holds ``train`` and ``test``.
        classes: folder names, sorted, the same in both splits.
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
            found.append((path, status.st_size, status.st_mtime_ns))
        return found


def scan(root: Path | None) -> Tree:
    """List the images of a tree; hidden files and folders are passed over.

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
        lone = sorted(found[split] - found[other])
        if lone:
            raise UsageError(
                f"class {lone[0]!r} is in {root / split} but not in {root / other}; both need the same class folders"
            )
    classes = tuple(sorted(found["train"]))
    if len(classes) < 2:
        raise UsageError(f"{root / 'train'} has only the class {', '.join(classes)!r}; a classifier needs 2 or more")
    files = {
        split: [(path, label) for label, name in enumerate(classes) for path in _images(root, f"{split}/{name}")]
        for split in SPLITS
    }
    return Tree(root, classes, files)


def _class_folders(root: Path, split: str) -> set[str]:
    folder = root / split
    if not folder.is_dir():
        raise UsageError(
            f"{root} has no folder {split}/; imagefolder needs train/<class>/<image> and test/<class>/<image>"
        )
    found = {name for name in _visible(folder) if (folder / name).is_dir()}
    if not found:
        raise UsageError(f"{folder} has no class folders; imagefolder needs {split}/<class>/<image>")
    return found


def _images(root: Path, folder: str) -> list[str]:
    names = _visible(root / folder)
    if not names:
        raise UsageError(
            f"the class folder {root / folder} has no images; add some, or remove the class from both splits"
        )
    return [f"{folder}/{name}" for name in names]


def _visible(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))
