"""Tables as CSV from anywhere: as written by this package, by pandas, or by a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pandas as pd

from ..errors import UsageError
from ..registry import nearest
from ..utils.files import Unreadable, read_text
from ..utils.texts import quoted, spreadsheet

SEPARATORS = (",", ";", "\t")
MOST_COLUMNS = 1000


@dataclass(frozen=True)
class CsvTable:
    """The texts of a file.

    Attributes:
        columns: their names, each once.
        lines: for each, its number in the file and its values by column; empty values are left out.
    """

    path: Path
    columns: list[str]
    lines: list[tuple[int, dict[str, str]]]

    def require(self, columns: Sequence[str], noun: str) -> None:
        """Refuse a table in which columns are missing; their order does not matter.

        Raises:
            UsageError: if one is missing; says which of the others may be a misspelling.
        """
        missing = [column for column in columns if column not in self.columns]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            guess = nearest(missing[0], [column for column in self.columns if column not in columns])
            raise UsageError(f"{self.path} is not {noun}: missing columns {', '.join(missing[:3])}{more}{guess}")


def read_csv(path: Path) -> CsvTable:
    """Read a table that is separated by commas, semicolons or tabs; an index that pandas wrote is left out.

    Raises:
        UsageError: if it is not such a table, a column is there twice, or a line has another number of values.
    """
    try:
        text = read_text(path)
    except Unreadable as error:
        raise UsageError(f"Cannot read the table {path}. {error}") from error
    try:
        reader = csv.reader(StringIO(text, newline=""), delimiter=_separator(text), strict=True)
        lines = [(reader.line_num, line) for line in reader if line]
    except csv.Error as error:
        raise UsageError(f"Cannot read the table {path}: {error}.") from error
    if not lines:
        raise UsageError(f"Cannot read the table {path}. It is empty.")
    header = [name.strip() for name in lines.pop(0)[1]]
    _check(path, header, lines)
    return CsvTable(path, [name for name in header if name], [(number, _named(header, line)) for number, line in lines])


def to_csv(frame: pd.DataFrame) -> str:
    """Write a table as CSV; what a spreadsheet would take for a formula has an apostrophe before it."""
    safe = frame.map(lambda value: spreadsheet(value) if isinstance(value, str) else value)
    quoting = csv.QUOTE_NONNUMERIC if any(map(_breaks_line, safe.to_numpy().flat)) else csv.QUOTE_MINIMAL
    return safe.to_csv(index=False, lineterminator="\n", quoting=quoting)


def _breaks_line(value: object) -> bool:
    return isinstance(value, str) and "\r" in value  # which the writer does not quote by itself


def _separator(text: str) -> str:
    """The separator that the first line has most of."""
    header = text.lstrip().partition("\n")[0]
    return max(SEPARATORS, key=header.count)


def _check(path: Path, header: list[str], lines: list[tuple[int, list[str]]]) -> None:
    if len(header) > MOST_COLUMNS:
        raise UsageError(f"{path} has {len(header)} columns; at most {MOST_COLUMNS} are read")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise UsageError(f"{path} has the column {quoted(twice[0])} twice; expected each once")
    if "" in header[1:]:
        raise UsageError(f"{path} has a column without a name, number {header.index('', 1) + 1}")
    for number, line in lines:
        if len(line) != len(header):
            raise UsageError(f"{path}, line {number} has {len(line)} values, and the header has {len(header)} columns")


def _named(header: list[str], line: list[str]) -> dict[str, str]:
    return {name: value for name, value in zip(header, line, strict=True) if value and name}
