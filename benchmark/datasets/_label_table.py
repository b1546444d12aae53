"""Tables beside images, with a line for each: ``labels.csv``, and ``attributes.csv``, which may replace it."""

from __future__ import annotations

import os
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UsageError, reason_of
from ..utils.plurals import count_of
from ._labels import Labels, TaskChoice, labels_for_task, require_single_precision
from ._table_columns import (
    is_file_beside,
    path_of,
    refuse_commas,
    require_filled,
    require_inside,
    require_numbers,
    require_paths_first,
    warn_of_numbers,
)

TABLES = ("labels.csv", "attributes.csv")
"""Names of the file in lower case, of which the first holds the labels if both exist."""
FORM = (
    "Write a header, then a line for each image: its path relative to the folder, and its numbers or the name of its "
    "class, with commas between them and points in decimal numbers."
)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""What other programs write between columns, in words."""


@dataclass(frozen=True)
class LabelTable:
    """The lines of a table of labels.

    Attributes:
        path: The path of the table.
        files: The path of each image, relative to the folder of the table.
        columns: The names of the other columns.
        values: Their numbers, (N, columns).
        classes: The names of the classes, sorted, if the only column holds names. Then the values are their positions.
    """

    path: Path
    files: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[Any]
    classes: tuple[str, ...] = ()

    def labels(self, files: Sequence[str], wanted: TaskChoice) -> Labels:
        """Return the labels of some files of the table. All lines decide on the task.

        Raises:
            UsageError: If the numbers do not fit the task.
        """
        everything = labels_for_task(self.values, wanted, columns=self.columns, where=str(self.path), classes=False)
        places = {file: place for place, file in enumerate(self.files)}
        return everything._replace(values=everything.values[[places[file] for file in files]])

    def numbers(self, files: Sequence[str]) -> Tensor:
        """Return the numbers of some files, (N, columns) float32.

        Raises:
            UsageError: If the table has no line for a file.
        """
        places, wanted = {file: place for place, file in enumerate(self.files)}, [str(PurePosixPath(f)) for f in files]
        missing = next((file for file in wanted if file not in places), None)
        if missing is not None:
            raise UsageError(f"Expected a line for each image in {self.path}, got none for {missing!r}. Add it.")
        require_single_precision(self.values, str(self.path))
        return torch.from_numpy(self.values[[places[file] for file in wanted]].astype(np.float32))


def path_of_table(root: Path, name: str) -> Path | None:
    """Return the file in a folder that has this name, whatever the case of its letters; None if there is none.

    Raises:
        UsageError: If there are several.
    """
    with os.scandir(root) as entries:
        found = sorted(each.name for each in entries if each.name.lower() == name and each.is_file())
    if len(found) > 1:
        raise UsageError(
            f"Expected one file {name} in {root}, got {' and '.join(found)}, whose names differ by case alone. Remove "
            "the other ones."
        )
    return root / found[0] if found else None


def find_table(root: Path, names: Sequence[str] = TABLES) -> LabelTable | None:
    """Read the first table of labels in a folder that has one of these names; None if there is none.

    Raises:
        UsageError: If it is damaged, has no numbers, or names a file twice or outside the folder.
    """
    path = next((path for name in names if (path := path_of_table(root, name)) is not None), None)
    return None if path is None else read_table(path, names=True)


def find_attributes(root: Path, labels: LabelTable | None) -> LabelTable | None:
    """Read ``attributes.csv`` in a folder if it does not hold the labels; None if there is none.

    Raises:
        UsageError: If it is damaged, has no numbers, or names a file twice or outside the folder.
    """
    path = path_of_table(root, TABLES[1])
    return None if path is None or (labels is not None and labels.path == path) else read_table(path)


def names_files(path: Path) -> bool:
    """Return whether a table has a line that begins with the path of a file, however its other values are.

    What lies between its columns does not matter. A table that cannot be read may have such a line: ``find_table`` says
    what is wrong with it.
    """
    try:
        found = (file for character in (",", *_SEPARATORS) for file in _first_column(path, character))
        return any(is_file_beside(path, file) for file in found)
    except pd.errors.EmptyDataError:
        return False
    except (OSError, ValueError):
        return True


def read_table(path: Path, *, names: bool = False) -> LabelTable:
    """Read a table of labels or attributes.

    Args:
        path: The file.
        names: Whether the table may hold the name of a class for each image in place of numbers.

    Raises:
        UsageError: If it is damaged, has no numbers, or names a file twice or outside the folder.
    """
    frame = _read(path, names=names)
    if len(frame.columns) < 2 or not len(frame):
        raise UsageError(
            f"Expected a column of paths, columns of numbers and a line for each image in {path}, got "
            f"{count_of(len(frame.columns), 'column')} and {count_of(len(frame), 'line')}. {FORM}"
        )
    if is_file_beside(path, frame.columns[0]):
        raise UsageError(f"Expected a header in {path}, got the image {frame.columns[0]!r} in line 1. {FORM}")
    require_paths_first(frame, path)
    columns = [str(name) for name in frame.columns[1:]]
    require_filled(frame, path)
    refuse_commas(frame, path)
    classes = _class_names(frame[columns[0]]) if names and len(columns) == 1 else None
    if classes is not None:
        warn_of_numbers(classes[0], columns[0], path)
    for name in columns if classes is None else ():
        require_numbers(frame[name], name, path)
    files = [path_of(file) for file in frame.iloc[:, 0]]
    require_inside(files, path)
    flags = {name: np.int64 for name in columns if frame[name].dtype.kind == "b"}  # which may be beside numbers
    values = frame[columns].astype(flags).to_numpy() if classes is None else classes[1][:, None]
    return LabelTable(path, tuple(map(str, files)), tuple(columns), values, () if classes is None else classes[0])


def _read(path: Path, *, names: bool) -> pd.DataFrame:
    try:
        _require_commas(str(pd.read_csv(path, nrows=0).columns[0]), path)
        return _frame(path, names=names)
    except pd.errors.ParserWarning as error:
        raise UsageError(f"Expected a name for each column in the header of {path}, got too few. {FORM}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"Expected a table in UTF-8, got another encoding in {path}. Save it as UTF-8.") from error
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise UsageError(f"Expected a table of labels, got {path}: {reason_of(error)}. {FORM}") from error


def _frame(path: Path, *, names: bool, **settings: Any) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # lines with more values than the header has names
        frame = pd.read_csv(path, skipinitialspace=True, dtype={0: str}, index_col=False, low_memory=False, **settings)
    if names and len(frame.columns) == 2 and frame.iloc[:, 1].dtype.kind not in "biuf":
        return _frame(path, names=False, keep_default_na=False, na_values=[""])  # a class may be called None or NA
    return frame


def _first_column(path: Path, separator: str) -> Sequence[str]:
    """Return the first value of each line of a table, that of the header included."""
    settings: dict[str, Any] = {"skipinitialspace": True, "dtype": str, "keep_default_na": False}
    return pd.read_csv(path, sep=separator, header=None, usecols=[0], **settings)[0].tolist()


def _require_commas(first: str, path: Path) -> None:
    """Raise if the name of the first column shows that other characters than commas lie between the columns."""
    for character, words in _SEPARATORS.items():
        if character in first:
            raise UsageError(f"Expected commas between the columns of {path}, got {words}. {FORM}")


def _class_names(column: Any) -> tuple[tuple[str, ...], NDArray[np.int64]] | None:
    """Return the sorted names in a column and the position of each line's; None if it holds anything else."""
    if not all(isinstance(value, str) for value in column):
        return None
    names = [unicodedata.normalize("NFC", value.strip()) for value in column]
    found, positions = np.unique(names, return_inverse=True)
    return tuple(map(str, found)), positions.astype(np.int64)
