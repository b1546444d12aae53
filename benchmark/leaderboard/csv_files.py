"""Read and write tables as CSV: those of this package, of pandas and of spreadsheets."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import pandas as pd

from ..errors import UsageError
from ..registry import suggestion
from ..utils.files import Unreadable, read_text
from ..utils.texts import quoted, spreadsheet

SEPARATORS = (",", ";", "\t")
MAX_COLUMNS = 1000
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(E[-+]?\d+)?", re.IGNORECASE)
"""A number with a decimal comma, as spreadsheets write it in many languages."""
_STATED = re.compile(r'"?sep=([,;\t])"?[ \t]*\r?(?=\n)', re.IGNORECASE)
"""The first line with which Excel states the separator."""


@dataclass(frozen=True)
class CsvTable:
    """The texts of a CSV file.

    Attributes:
        path: The path of the file.
        columns: The names of the columns, each once.
        lines: The number of each line in the file, and its values by column; empty values are left out.
        separator: What is between the values of a line.

    Example:
        >>> CsvTable(Path("board.csv"), ["attack", "psnr_db"], [(2, {"attack": "ridge", "psnr_db": "20.1"})]).columns
        ['attack', 'psnr_db']
    """

    path: Path
    columns: list[str]
    lines: list[tuple[int, dict[str, str]]]
    separator: str = ","

    def with_points(self, columns: Collection[str]) -> CsvTable:
        """Return the table with decimal points in columns of numbers, if a spreadsheet wrote it with decimal commas.

        That is a table with semicolons between its values, none of whose numbers has a point.
        """
        written = [text for _, texts in self.lines for name, text in texts.items() if name in columns]
        if self.separator != ";" or any("." in text for text in written):
            return self
        lines = [
            (
                number,
                {
                    name: text.replace(",", ".") if name in columns and DECIMAL_COMMA.fullmatch(text) else text
                    for name, text in texts.items()
                },
            )
            for number, texts in self.lines
        ]
        return replace(self, lines=lines)

    def require(self, columns: Sequence[str], noun: str) -> None:
        """Check that a table has certain columns, in any order.

        Raises:
            UsageError: If one is missing. The message names a column that may be a misspelling.
        """
        missing = [column for column in columns if column not in self.columns]
        if missing:
            spelled = {column.casefold(): column for column in self.columns}
            if (given := spelled.get(missing[0])) is not None:
                raise UsageError(
                    f"{self.path} is not {noun}. Expected names of columns in lower case, such as {missing[0]}, got "
                    f"{quoted(given)}. Write them so."
                )
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            guess = suggestion(missing[0], [column for column in self.columns if column not in columns])
            raise UsageError(f"{self.path} is not {noun}. Missing columns: {', '.join(missing[:3])}{more}{guess}")


def read_csv(path: Path) -> CsvTable:
    """Read a table with commas, semicolons or tabs between its values, also below a line such as ``sep=;`` of Excel.

    An index that pandas wrote is left out.

    Raises:
        UsageError: If the file is not such a table, a column exists twice, or a line has too many or too few values.
    """
    try:
        text = read_text(path)
    except Unreadable as error:
        raise UsageError(f"Cannot read the table {path}. {error}") from error
    stated = _STATED.match(text)
    table, separator = (text[stated.end() :], stated[1]) if stated else (text, _separator(text))
    try:
        reader = csv.reader(StringIO(table, newline=""), delimiter=separator, strict=True)
        lines = [(reader.line_num, line) for line in reader if line]
    except csv.Error as error:
        raise UsageError(f"Cannot read the table {path}: {error}. Save it as CSV again.") from error
    if not lines:
        raise UsageError(f"Cannot read the table {path}. It is empty. Give one that has a header.")
    given = [name.strip() for name in lines.pop(0)[1]]
    if len(given) > MAX_COLUMNS:
        raise UsageError(f"Expected at most {MAX_COLUMNS} columns, got {len(given)} in {path}. Remove the others.")
    header, lines = _without_empty_end(given, [(number, line) for number, line in lines if any(line)])
    _check(path, header, lines)
    named = [(number, _named(header, line)) for number, line in lines]
    return CsvTable(path, [name for name in header if name], named, separator)


Lines = list[tuple[int, list[str]]]
"""Numbers and values of the lines of a table."""


def _without_empty_end(header: list[str], lines: Lines) -> tuple[list[str], Lines]:
    """Leave out columns at the end without a name or a value, which spreadsheets keep when their cells are cleared."""
    width = len(header)
    while width > 1 and not header[width - 1] and not any(value for _, line in lines for value in line[width - 1 :]):
        width -= 1
    return header[:width], [(number, line[:width]) for number, line in lines]


def to_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV. Texts that a spreadsheet would interpret as a formula begin with an apostrophe."""
    safe = frame.map(lambda value: spreadsheet(value) if isinstance(value, str) else value)
    quoting = csv.QUOTE_NONNUMERIC if any(map(_breaks_line, safe.to_numpy().flat)) else csv.QUOTE_MINIMAL
    return safe.to_csv(index=False, lineterminator="\n", quoting=quoting)


def _breaks_line(value: object) -> bool:
    return isinstance(value, str) and "\r" in value  # the writer does not quote it by itself


def _separator(text: str) -> str:
    """Return the most frequent separator of the first line."""
    header = text.lstrip().partition("\n")[0]
    return max(SEPARATORS, key=header.count)


def _check(path: Path, header: list[str], lines: Lines) -> None:
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise UsageError(f"Expected each column once, got {quoted(twice[0])} twice in {path}. Remove one.")
    if "" in header[1:]:
        raise UsageError(
            f"Expected a name for each column, got none for column {header.index('', 1) + 1} of {path}. Name it."
        )
    for number, line in lines:
        if len(line) != len(header):
            raise UsageError(
                f"Expected {len(header)} values per line, got {len(line)}: {path}, line {number}. Correct the line."
            )


def _named(header: list[str], line: list[str]) -> dict[str, str]:
    return {name: value for name, value in zip(header, line, strict=True) if value and name}
