"""Tables beside images, with a line for each: ``labels.csv``, and ``attributes.csv``, which may replace it."""

from __future__ import annotations

import logging
import os
import re
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

TABLES = ("labels.csv", "attributes.csv")
"""Names of the file, of which the first holds the labels if both exist."""
FORM = (
    "Write a header, then a line for each image: its path relative to the folder, and its numbers or the name of its "
    "class, with commas between them and points in decimal numbers."
)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""What other programs write between columns, in words."""
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(e[-+]?\d+)?", re.IGNORECASE)


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


def find_table(root: Path, names: Sequence[str] = TABLES) -> LabelTable | None:
    """Read the first table of labels in a folder that has one of these names; None if there is none.

    Raises:
        UsageError: If it is damaged, has no numbers, or names a file twice or outside the folder.
    """
    path = next((root / name for name in names if (root / name).is_file()), None)
    return None if path is None else read_table(path, names=True)


def find_attributes(root: Path, labels: LabelTable | None) -> LabelTable | None:
    """Read ``attributes.csv`` in a folder if it does not hold the labels; None if there is none.

    Raises:
        UsageError: If it is damaged, has no numbers, or names a file twice or outside the folder.
    """
    path = root / TABLES[1]
    return read_table(path) if path.is_file() and (labels is None or labels.path != path) else None


def names_files(path: Path) -> bool:
    """Return whether a table has a line that begins with the path of a file, however its other values are.

    What lies between its columns does not matter. A table that cannot be read may have such a line: ``find_table`` says
    what is wrong with it.
    """
    try:
        found = (file for character in (",", *_SEPARATORS) for file in _first_column(path, character))
        return any(os.path.isfile(path.parent / _path_of(file)) for file in found)
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
    if os.path.isfile(path.parent / _path_of(frame.columns[0])):
        raise UsageError(f"Expected a header in {path}, got the image {frame.columns[0]!r} in line 1. {FORM}")
    columns = [str(name) for name in frame.columns[1:]]
    _require_filled(frame, path)
    _refuse_decimal_commas(frame, path)
    classes = _class_names(frame[columns[0]]) if names and len(columns) == 1 else None
    if classes is not None:
        _warn_of_numbers(classes[0], columns[0], path)
    for name in columns if classes is None else ():
        _require_numbers(frame[name], name, path)
    files = [_path_of(file) for file in frame.iloc[:, 0]]
    _require_inside(files, path)
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


def _path_of(value: Any) -> PurePosixPath:
    return PurePosixPath(str(value).strip().replace("\\", "/"))


def _require_commas(first: str, path: Path) -> None:
    """Raise if the name of the first column shows that other characters than commas lie between the columns."""
    for character, words in _SEPARATORS.items():
        if character in first:
            raise UsageError(f"Expected commas between the columns of {path}, got {words}. {FORM}")


def _refuse_decimal_commas(frame: Any, path: Path) -> None:
    """Raise if numbers have commas in place of points, so that they would be taken for names of classes."""
    for name, column in frame.iloc[:, 1:].items():
        texts = [] if column.dtype.kind in "biuf" else [str(value).strip() for value in column]
        found = next((text for text in texts if _DECIMAL_COMMA.fullmatch(text)), None)
        if found is not None and all(_is_number(text.replace(",", ".", 1)) for text in texts):
            raise UsageError(
                f"Expected points in the decimal numbers in the column {name!r} of {path}, got {found!r}. Replace the "
                "commas in them by points."
            )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _warn_of_numbers(names: Sequence[str], column: str, path: Path) -> None:
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


def _class_names(column: Any) -> tuple[tuple[str, ...], NDArray[np.int64]] | None:
    """Return the sorted names in a column and the position of each line's; None if it holds anything else."""
    if not all(isinstance(value, str) for value in column):
        return None
    names = [unicodedata.normalize("NFC", value.strip()) for value in column]
    found, positions = np.unique(names, return_inverse=True)
    return tuple(map(str, found)), positions.astype(np.int64)


def _require_numbers(column: Any, name: str, path: Path) -> None:
    has_numbers = column.dtype.kind in "biuf"
    text = None if has_numbers else next((str(value) for value in column if not isinstance(value, int | float)), None)
    if text is not None:
        raise UsageError(
            f"Expected numbers in the column {name!r} of {path}, got {text!r}. Write numbers. Names of classes "
            f"are read if they are the only column of {TABLES[0]} besides the paths."
        )
    if not has_numbers:
        largest = max(column, key=abs)
        raise UsageError(
            f"Expected numbers of at most 64 bits in the column {name!r} of {path}, got {largest}. Scale them."
        )


def _require_filled(frame: Any, path: Path) -> None:
    for name, missing in frame.iloc[:, 1:].isna().items():
        if missing.any():
            line = int(np.flatnonzero(missing)[0]) + 2
            raise UsageError(f"Expected a value in the column {name!r} of {path}, got none in line {line}. Fill it in.")


def _require_inside(files: Sequence[PurePosixPath], path: Path) -> None:
    seen: set[PurePosixPath] = set()
    for line, file in enumerate(files, start=2):
        if file.is_absolute() or ".." in file.parts or str(file) in ("nan", "."):
            raise UsageError(
                f"Expected a path relative to {path.parent} in line {line} of {path}, got {str(file)!r}. Correct it."
            )
        if file in seen:
            raise UsageError(f"Expected each image once in {path}, got {str(file)!r} again in line {line}. Remove it.")
        seen.add(file)
