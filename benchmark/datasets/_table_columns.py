"""What the columns of a table of labels must hold: one sentence says what is wrong."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..errors import UsageError

_NUMBER_WITH_COMMAS = re.compile(r"[-+]?(\d*,\d+|\d{1,3}(,\d{3})+(\.\d*)?)(e[-+]?\d+)?", re.IGNORECASE)
"""Numbers with a comma in place of a point, or between thousands."""


def path_of(value: Any) -> PurePosixPath:
    """Return the path that a value of the first column means, with slashes."""
    return PurePosixPath(str(value).strip().replace("\\", "/"))


def is_file_beside(table: Path, value: Any) -> bool:
    """Return whether a value is the path of a file, relative to the folder of the table."""
    return os.path.isfile(table.parent / path_of(value))


def require_paths_first(frame: Any, path: Path) -> None:
    """Raise if another column than the first one holds the paths of files."""
    if any(is_file_beside(path, value) for value in frame.iloc[:, 0]):
        return
    for name, column in frame.iloc[:, 1:].items():
        if column.dtype.kind not in "biuf" and any(is_file_beside(path, value) for value in column):
            raise UsageError(
                f"Expected the paths of the images in the first column of {path}, got them in the column {name!r}. "
                "Move it to the front."
            )


def refuse_commas(frame: Any, path: Path) -> None:
    """Raise if numbers have commas, so that they would be taken for names of classes."""
    for name, column in frame.iloc[:, 1:].items():
        texts = [] if column.dtype.kind in "biuf" else [str(value).strip() for value in column]
        found = next((text for text in texts if _NUMBER_WITH_COMMAS.fullmatch(text)), None)
        if found is not None and all(_NUMBER_WITH_COMMAS.fullmatch(text) or _is_number(text) for text in texts):
            raise UsageError(
                f"Expected numbers without commas in the column {name!r} of {path}, got {found!r}. Write points in "
                "decimal numbers, and nothing between thousands."
            )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def warn_of_numbers(names: Sequence[str], column: str, path: Path) -> None:
    """Warn if some names of classes are numbers, and others are not."""
    numbers = [name for name in names if _is_number(name)]
    if numbers and len(numbers) < len(names):
        other = next(name for name in names if not _is_number(name))
        logging.getLogger(__name__).warning(
            "The column %r of %s holds names of classes, since %r is not a number. If numbers such as %s are to be "
            "predicted, write a number on each line.",
            column,
            path,
            other,
            numbers[0],
        )


def require_numbers(column: Any, name: str, path: Path) -> None:
    has_numbers = column.dtype.kind in "biuf"
    text = None if has_numbers else next((str(value) for value in column if not isinstance(value, int | float)), None)
    if text is not None:
        raise UsageError(
            f"Expected numbers in the column {name!r} of {path}, got {text!r}. Write numbers. Names of classes "
            f"are read if they are the only column of labels.csv besides the paths."
        )
    if not has_numbers:
        largest = max(column, key=abs)
        raise UsageError(
            f"Expected numbers of at most 64 bits in the column {name!r} of {path}, got {largest}. Scale them."
        )


def require_filled(frame: Any, path: Path) -> None:
    for name, missing in frame.iloc[:, 1:].isna().items():
        if missing.any():
            line = int(np.flatnonzero(missing)[0]) + 2
            raise UsageError(f"Expected a value in the column {name!r} of {path}, got none in line {line}. Fill it in.")


def require_inside(files: Sequence[PurePosixPath], path: Path) -> None:
    seen: set[PurePosixPath] = set()
    for line, file in enumerate(files, start=2):
        if file.is_absolute() or ".." in file.parts or str(file) in ("nan", "."):
            raise UsageError(
                f"Expected a path relative to {path.parent} in line {line} of {path}, got {str(file)!r}. Correct it."
            )
        if file in seen:
            raise UsageError(f"Expected each image once in {path}, got {str(file)!r} again in line {line}. Remove it.")
        seen.add(file)
