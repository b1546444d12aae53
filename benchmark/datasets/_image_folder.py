"""The search for image files in folders of the form ``train/<class>/*``, ``test/<class>/*``, or with a table."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import UsageError
from ..utils.plurals import count_of
from ..utils.texts import as_typed
from ._decode import suffixes
from ._file_division import MIN_CLASS_IMAGES, divide_files
from ._folder_entries import (
    is_folder,
    is_image,
    unread,
    visible,
    warn_of_other_files,
    warn_of_unlisted,
    warn_of_validation,
)
from ._image_tree import SPLITS, Tree
from ._label_table import TABLES, LabelTable, find_attributes, find_table, names_files, path_of_table
from ._labels import TaskChoice

LAYOUT = "train/<class>/<image> and test/<class>/<image>"
"""The layout of an image folder, in words."""


def scan(root: Path | None, task: TaskChoice = "classification") -> Tree:
    """List the images of an image folder.

    Hidden files and folders are ignored, as are files whose suffix does not belong to an image format that Pillow
    reads. Folders whose names differ only in the encoding of an accent, as between operating systems, are one class.
    Without the folder ``test``, or without both splits, a fifth of the images of each class becomes the test split.

    Args:
        root: The image folder.
        task: What the labels are for. With ``auto``, a table of labels decides; without one, images in folders of
            classes are for classification, and others are unlabeled. With ``classification``, folders of classes come
            before ``attributes.csv``.

    Raises:
        UsageError: If the folder is incomplete, has no labels for the task, or its splits have different classes.
    """
    if root is None:
        raise UsageError(f"The dataset imagefolder needs a folder with {LAYOUT}. Give it with --data-dir PATH.")
    if not root.is_dir():
        raise UsageError(f"Expected --data-dir to be a folder, got {root}. Give a folder with {LAYOUT}.")
    warn_of_validation(root)
    table = _table(root, task)
    return replace(_listed(root, task, table), attributes=find_attributes(root, table))


def _table(root: Path, task: TaskChoice) -> LabelTable | None:
    """Read the table that gives the labels; None if the folders of classes give them, or nothing does."""
    if task != "classification" or not _has_class_folders(root):
        return find_table(root)
    path = path_of_table(root, TABLES[0])
    if path is not None and not names_files(path):
        logging.getLogger(__name__).warning(
            "Ignored %s, since its first column names no image in %s. The folders of the images are their classes.",
            path,
            root,
        )
        return None
    return find_table(root, TABLES[:1])


def _listed(root: Path, task: TaskChoice, table: LabelTable | None) -> Tree:
    if table is not None:
        warn_of_unlisted(root, table)
        return _without_classes(_of_table(root, task, table))
    if task in ("multi-label", "regression"):
        raise UsageError(
            f"Expected a table of labels for task={task}, got none in {root}. Write {TABLES[0]}: a header, then the "
            "path of an image and its numbers on each line."
        )
    if task != "classification" and not _has_class_folders(root) and (flat := _flat_files(root)):
        return _without_classes(Tree(root, (), flat, task="unlabeled"))
    return _without_labels(root, _found_classes(root)) if task == "unlabeled" else _with_classes(root)


def _of_table(root: Path, task: TaskChoice, table: LabelTable) -> Tree:
    """List the files of a table, whose names of classes are those of folders."""
    if not table.classes:
        if task == "auto" and table.values.dtype.kind in "iu" and table.values.shape[1] == 1 and table.values.max() > 1:
            logging.getLogger(__name__).warning(
                "The column %r of %s holds numbers to predict. Give task=classification if they are classes.",
                table.columns[0],
                table.path,
            )
        return Tree(root, (), {"all": [(path, 0) for path in table.files]}, table=table, task=task, listed=table.path)
    if task in ("multi-label", "regression"):
        raise UsageError(
            f"Expected numbers for task={task} in the column {table.columns[0]!r} of {table.path}, got names such as "
            f"{table.classes[0]!r}. Leave out task, or write numbers."
        )
    if task == "unlabeled":
        return Tree(root, (), {"all": [(path, 0) for path in table.files]}, task=task, listed=table.path)
    files = list(zip(table.files, table.values[:, 0].tolist(), strict=True))
    chosen = "classification" if task == "auto" else task
    return Tree(root, table.classes, {"all": files}, task=chosen, listed=table.path)


def _without_classes(tree: Tree) -> Tree:
    """Divide the files of a tree without folders of classes, unless they lie in the folders of the splits."""
    everything = [file for files in tree.files.values() for file in files]
    by_split = {split: [file for file in everything if file[0].startswith(f"{split}/")] for split in SPLITS}
    if all(by_split.values()) and sum(map(len, by_split.values())) == len(everything):
        return replace(tree, files=by_split)
    if len(everything) < MIN_CLASS_IMAGES:
        raise UsageError(
            f"Expected at least {MIN_CLASS_IMAGES} images in {tree.root}, got {len(everything)}. Add images, so that "
            "the victim, the attacker and the test split have one each."
        )
    return replace(tree, files=divide_files(everything, tree.classes or [""]), divided=True)


def _flat_files(root: Path) -> dict[str, list[tuple[str, int]]]:
    """Return the images that lie in a folder itself, or in its folders train and test."""
    if root.parent.name in SPLITS and all((root.parent.parent / split).is_dir() for split in SPLITS):
        return {}  # a folder of one class, given by mistake
    both = all((root / split).is_dir() for split in SPLITS)
    found, others = {}, []
    for split in SPLITS if both else (".",):
        entries = visible(root / split)
        images = [entry.name for entry in entries if is_image(entry)]
        others += [entry.path for entry in entries if not is_image(entry) and not is_folder(entry)]
        found[split] = [(f"{split}/{name}" if both else name, 0) for name in images]
    found = {split: files for split, files in found.items() if files}
    if found:
        warn_of_other_files(others)
    return found


def _has_class_folders(root: Path) -> bool:
    """Return whether images lie in folders of classes, in the folder itself or in its splits."""
    places = [root, *(root / split for split in SPLITS if (root / split).is_dir())]
    folders = [Path(entry.path) for place in places for entry in visible(place) if is_folder(entry)]
    return any(is_image(entry) for each in folders if each.name not in SPLITS for entry in visible(each))


def _found_classes(root: Path) -> dict[str, dict[str, list[str]]]:
    """Return the folders of each class by the folder they lie in, such as that of a split."""
    undivided = _undivided(root)
    return {place: _class_folders(root, place) for place in (SPLITS if undivided is None else (undivided,))}


def _without_labels(root: Path, found: Mapping[str, Mapping[str, list[str]]]) -> Tree:
    """List the images in folders of classes, whose names do not matter."""
    files = {
        place: [(path, 0) for name in sorted(folders) for path in _images(root, _paths(place, folders[name]))]
        for place, folders in found.items()
    }
    return _without_classes(Tree(root, (), files, task="unlabeled"))


def _paths(place: str, folders: Iterable[str]) -> list[str]:
    return [f"{place}/{folder}" for folder in folders]


def _with_classes(root: Path) -> Tree:
    """List the images in folders of classes, of which there must be at least two."""
    found = _found_classes(root)
    divided = len(found) == 1
    if not divided:
        _require_same_classes(root, found)
    first = next(iter(found))
    classes = tuple(sorted(found[first]))
    if len(classes) < 2:
        folder = root / first
        raise UsageError(
            f"Expected at least 2 class folders in {folder}, got only {', '.join(classes)!r}. Add another class, or "
            "give task=unlabeled."
        )
    files = {
        place: [
            (path, label) for label, name in enumerate(classes) for path in _images(root, _paths(place, folders[name]))
        ]
        for place, folders in found.items()
    }
    if not divided:
        return Tree(root, classes, files)
    return Tree(root, classes, divide_files(files[first], classes), divided=True)


def _undivided(root: Path) -> str | None:
    """Return the folder that holds the class folders, relative to ``root``, or None if there is a test split."""
    present = [split for split in SPLITS if (root / split).is_dir()]
    if present == ["train"]:
        return "train"
    within = all((root.parent / split).is_dir() for split in SPLITS)
    if present or within:
        return None
    folders = [entry for entry in visible(root) if is_folder(entry)]
    has_images = any(
        Path(entry.name).suffix.lower() in suffixes() for each in folders for entry in visible(root / each.name)
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
        action = f"Give {as_typed('--data-dir', above)}, which has both." if both else "Put your images there."
        raise UsageError(f"Expected {LAYOUT} in {root}, which has no folder {split}/. {action}")
    found: dict[str, list[str]] = defaultdict(list)
    for entry in visible(folder):
        if is_folder(entry):
            found[unicodedata.normalize("NFC", entry.name)].append(entry.name)
    if not found:
        raise UsageError(f"Expected {split}/<class>/<image>, but {folder} has no class folders. Add one per class.")
    beside = [entry.path for entry in visible(folder) if is_image(entry)]
    if beside:
        logging.getLogger(__name__).warning(
            "Ignored %s beside the class folders, such as %s.", count_of(len(beside), "image"), beside[0]
        )
    return found


def _images(root: Path, folders: list[str]) -> list[str]:
    """Return the image files in the folders of one class."""
    known, found, others = suffixes(), [], []
    for folder in folders:
        for entry in visible(root / folder):
            if is_folder(entry):
                raise UsageError(
                    f"Expected only images in a class folder, got the folder {entry.path}. Move it elsewhere, or give "
                    "the folder that holds the class folders with --data-dir."
                )
            is_image = os.path.splitext(entry.name)[1].lower() in known
            (found if is_image else others).append(f"{folder}/{entry.name}")
    if not found:
        ignored = unread([str(root / path) for path in others])
        reason = f" (the suffix of {ignored[0]} is not that of an image format)" if ignored else ""
        raise UsageError(
            f"The class folder {root / folders[0]} has no images{reason}. Add images, or remove the class from both "
            "splits."
        )
    warn_of_other_files([str(root / path) for path in others])
    return found
