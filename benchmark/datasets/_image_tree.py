"""The files of an image folder, their labels and their decoded images."""

from __future__ import annotations

import os
import stat
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..errors import UsageError
from ..utils.cache import cached_tensors
from ._decode import DECODER_VERSION, Frame, decode
from ._division import RawImages, positions_without_repeats
from ._file_division import spread
from ._label_table import LabelTable
from ._labels import Labels, TaskChoice, no_labels
from ._pixel_cache import cached_pixels

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Tree:
    """The image files of an image folder.

    Attributes:
        root: The image folder.
        classes: Names of the class folders in Unicode's composed form (NFC), sorted. Both splits have the same ones.
        files: For each split, a list of (path relative to ``root``, label), sorted by class and file name.
        divided: Whether ``scan`` has divided the files into the splits, since the folder has no test split.
        table: The table that gives the labels, in place of the folders of classes.
        attributes: The table of what the network is not for.
        listed: The file that lists the images, if their folders do not.
        task: What the labels are for. With ``auto``, the table decides.
    """

    root: Path
    classes: tuple[str, ...]
    files: dict[str, list[tuple[str, int]]]
    divided: bool = False
    table: LabelTable | None = None
    task: TaskChoice = "classification"
    attributes: LabelTable | None = None
    listed: Path | None = None

    def labels(self, split: str) -> Labels:
        """Return the labels of the files of a split.

        Raises:
            UsageError: If the numbers of the table do not fit the task.
        """
        files = self.files[split]
        if self.table is not None:
            return self.table.labels([path for path, _ in files], self.task)
        if self.task == "unlabeled":
            return no_labels(len(files))
        return Labels(torch.tensor([label for _, label in files]), "classification", self.classes)

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
                mend = "Remove or replace it." if self.listed is None else f"Correct its path in {self.listed}."
                raise UsageError(f"Cannot read the image {self.root / path}: {error.strerror}. {mend}") from error
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"Expected the image {self.root / path} to be a regular file. Remove or replace it.")
            found.append((path, status.st_size, status.st_mtime_ns))
        return found


def read_tree(tree: Tree, frame: Frame) -> tuple[RawImages, RawImages]:
    """Return the training split without repeats and the test split. Decoded images are cached until a file changes.

    Args:
        tree: Files of the image folder.
        frame: Shape of the decoded images.

    Raises:
        UsageError: If a file is damaged or not an image, or has no line in the table of attributes.
    """
    identity = ["imagefolder", DECODER_VERSION, *astuple(frame), str(tree.root.resolve()), tree.stamp()]
    train, test = (_read_split(tree, split, frame, identity) for split in SPLITS)
    kept = cached_tensors("datasets", identity, lambda: {"train": positions_without_repeats(train, test)})["train"]
    return train.keep(kept), test


def _read_split(tree: Tree, split: str, frame: Frame, identity: list[Any]) -> RawImages:
    paths = [tree.root / path for path, _ in tree.files[split]]
    shape = (len(paths), frame.channels, frame.height, frame.width)
    images = cached_pixels([*identity, split], shape, lambda: decode(paths, frame))
    labels = tree.labels(split)
    attributes = tree.attributes and tree.attributes.numbers([path for path, _ in tree.files[split]])
    return RawImages(images, labels.values, labels.task, attributes)
