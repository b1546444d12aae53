"""The entries of image folders, and warnings of those that are not read."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from ..utils.plurals import count_of
from ._decode import suffixes
from ._label_table import LabelTable

OTHER_FILES = frozenset({"thumbs.db", "desktop.ini"})
"""Names, in lower case, of files beside images that Windows creates."""

VALIDATION = ("val", "valid", "validation")
"""Folders beside ``train`` that others call the test split, and that are not read."""


def visible(folder: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder that are not hidden, by their names."""
    with os.scandir(folder) as entries:
        return sorted((each for each in entries if not each.name.startswith(".")), key=lambda each: each.name)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder or a link to one. A link to itself is not."""
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def is_image(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a file with the suffix of an image format that Pillow reads."""
    return not is_folder(entry) and os.path.splitext(entry.name)[1].lower() in suffixes()


def unread(paths: Sequence[str]) -> list[str]:
    """Return the paths of files that nothing reads, except those that systems create."""
    return [path for path in paths if os.path.basename(path).lower() not in OTHER_FILES]


def warn_of_other_files(paths: Sequence[str]) -> None:
    """Warn of files beside the images that are not read."""
    ignored = unread(paths)
    if ignored:
        logging.getLogger(__name__).warning(
            "Ignored %s whose suffix is not that of an image format, such as %s.",
            count_of(len(ignored), "file"),
            ignored[0],
        )


def warn_of_validation(root: Path) -> None:
    """Warn of folders of validation images beside ``train``."""
    for name in VALIDATION if (root / "train").is_dir() else ():
        if (root / name).is_dir():
            use = "Move its images into train" if (root / "test").is_dir() else "Rename it to test"
            logging.getLogger(__name__).warning(
                "Ignored the folder %s, since only train and test are read. %s to use its images.", root / name, use
            )


def warn_of_unlisted(root: Path, table: LabelTable) -> None:
    """Warn of images beside those of a table that have no line in it."""
    listed = set(table.files)
    folders = sorted({path.rpartition("/")[0] for path in listed})
    found = [
        path
        for folder in folders
        if (root / folder).is_dir()
        for entry in visible(root / folder)
        if is_image(entry) and (path := f"{folder}/{entry.name}".lstrip("/")) not in listed
    ]
    if found:
        logging.getLogger(__name__).warning(
            "Ignored %s without a line in %s, such as %s.", count_of(len(found), "image"), table.path, root / found[0]
        )
