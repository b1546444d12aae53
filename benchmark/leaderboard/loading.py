"""Load leaderboards from disk: those of runs, with the records next to them, and those of publications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import UsageError
from ..utils.texts import quoted
from .completeness import each_once
from .csv_files import CsvTable, read_csv
from .plan_file import refuse_unstarted
from .reconciliation import completed, disagreement, with_measures_of
from .records import COLUMNS, KINDS, NUMBERS, Record, Row, explain
from .results_folder import FIRST_RUN, record_path
from .store import in_order, numbered_rows, read_record, read_records

SOURCE = "source"
"""The column of published boards: paper, table and cell."""
REQUIRED = ("dataset", "model", "split", "defense", "attack", SOURCE)
"""Columns that every row of a published board has."""


class Cells:
    """The rows of several boards, each cell once, with the records that are stored next to them.

    Attributes:
        rows: The rows by cell.
        records: The available records by cell.
        boards: The board that each cell was first read from.

    Example:
        >>> cells = Cells()
        >>> cells.finish()
        ([], {})
    """

    def __init__(self) -> None:
        """Create an empty collection."""
        self.rows: dict[str, Row] = {}
        self.records: dict[str, Record] = {}
        self.boards: dict[str, str] = {}
        self._places: dict[str, str] = {}

    def read(self, path: Path) -> None:
        """Add a leaderboard or a results folder.

        Raises:
            UsageError: If the path is neither, a file is damaged, or a cell has other scores or facts than before.
        """
        if path.is_dir():
            found = read_records(path)
            if not found:
                refuse_unstarted(path)
                raise UsageError(f"Expected results of mia-bench in {path}, got no cells/*.json. Name another folder.")
            for row in in_order(record.row for record in found.values()):
                self.add(row, found[row.cell_id], str(record_path(path, row.cell_id)))
        else:
            self.read_table(read_csv(path))
        for cell_id in self.rows:
            self.boards.setdefault(cell_id, str(path))

    def read_table(self, table: CsvTable) -> None:
        """Add a leaderboard, with the records that are stored next to it."""
        if SOURCE in table.columns and "cell_id" not in table.columns:
            raise UsageError(f"{table.path} holds published results. Only `mia-bench compare` reads them.")
        for line, row in numbered_rows(table):
            beside = record_path(table.path.parent, row.cell_id)
            if beside.exists():
                record = read_record(beside)
                _refuse_edited(row, record.row, f"{table.path}, line {line}", beside)
                self.add(record.row, record, str(beside))
            else:
                self.add(row, None, f"{table.path}, line {line}")

    def add(self, row: Row, record: Record | None, place: str) -> None:
        """Add a row. A finished row of a cell replaces an unfinished one, and two finished ones complete each other.

        Raises:
            UsageError: If the cell was added with other scores or facts.
        """
        cell_id = row.cell_id
        known = self.rows.get(cell_id)
        if known is not None:
            column = disagreement(known, row)
            if column:
                raise UsageError(
                    f"Expected one {column} of cell {cell_id}, got {quoted(getattr(known, column))} in "
                    f"{self._places[cell_id]} and {quoted(getattr(row, column))} in {place}. Leave one of them out."
                )
        if known is None or (known.status != "done" and row.status == "done"):
            self.rows[cell_id], self._places[cell_id] = row, place
            self.records.pop(cell_id, None)
        elif known.status == row.status == "done":
            self.rows[cell_id] = with_measures_of(known, row)
        if record is not None and self.rows[cell_id].status == row.status:
            kept = self.records.get(cell_id)
            self.records[cell_id] = record if kept is None else completed(kept, record)

    def finish(self) -> tuple[list[Row], dict[str, Record]]:
        """Return all rows and records.

        Raises:
            UsageError: If the rows are of different evaluation protocols.
        """
        protocols = sorted({row.protocol for row in self.rows.values()})
        if len(protocols) > 1:
            places = [next(self._places[key] for key, row in self.rows.items() if row.protocol == p) for p in protocols]
            raise UsageError(
                f"Expected scores of one evaluation protocol, got {protocols[0]} in {places[0]} and "
                f"{protocols[1]} in {places[1]}. Rank them separately."
            )
        return list(self.rows.values()), self.records


def _refuse_edited(row: Row, recorded: Row, place: str, beside: Path) -> None:
    column = disagreement(row, recorded)
    if column:
        raise UsageError(
            f"Expected {column} {quoted(getattr(recorded, column))} as in the record {beside}, got "
            f"{quoted(getattr(row, column))} in {place}.",
            f"Give the folder {beside.parent.parent} to use the records, or move the table to another folder to use "
            "the table.",
        )


def load_boards(paths: Sequence[Path]) -> tuple[list[Row], dict[str, Record]]:
    """Read leaderboards or results folders, each cell once, and the records that are stored next to them.

    Raises:
        UsageError: If a file is not a leaderboard, a folder holds no records, a record is damaged, boards contradict
            each other, or scores are of different evaluation protocols.
    """
    cells = Cells()
    for path in paths:
        cells.read(path)
    return cells.finish()


def load_results(paths: Sequence[Path], purpose: str) -> tuple[list[Row], dict[str, Record]]:
    """Read boards as ``load_boards`` does, for a command that needs at least one row.

    Args:
        paths: Leaderboards or results folders.
        purpose: What the command does with them, such as ``rank``.

    Raises:
        UsageError: If they have no rows, hold a cell of different data or versions, or as ``load_boards`` does.
    """
    cells = Cells()
    for path in paths:
        cells.read(path)
    rows, records = cells.finish()
    each_once(rows, cells.boards)
    if not rows:
        raise UsageError(f"Expected results to {purpose}, got no rows in {' and '.join(map(str, paths))}. {FIRST_RUN}")
    return rows, records


@dataclass(frozen=True)
class BoardRow:
    """A row of a leaderboard or of a published board.

    Attributes:
        values: The values by column; columns that the board does not have, or leaves empty, are absent.
        record: The record of the cell, if it is available.

    Example:
        >>> BoardRow({"attack": "ridge", "psnr_db": 20}).number("psnr_db")
        20.0
    """

    values: Mapping[str, Any]
    record: Record | None = None

    def number(self, column: str) -> float | None:
        """Return the finite value of a column; None if there is none."""
        value = self.values.get(column)
        return float(value) if isinstance(value, int | float) and abs(value) < float("inf") else None


def load_board_rows(path: Path) -> tuple[list[BoardRow], bool]:
    """Read a leaderboard, a results folder or a published board.

    Returns:
        The rows, and whether they are published results, which may leave columns out and have the column ``source``.

    Raises:
        UsageError: If the path is none of these, or damaged.
    """
    cells = Cells()
    if path.is_dir():
        cells.read(path)
    else:
        table = read_csv(path)
        if SOURCE in table.columns:
            return [BoardRow(values) for values in _published(table)], True
        cells.read_table(table)
    rows, records = cells.finish()
    return [BoardRow(row.model_dump(exclude_none=True), records.get(row.cell_id)) for row in rows], False


def _published(table: CsvTable) -> list[dict[str, Any]]:
    table.require(REQUIRED, "a board of published results")
    unknown = [column for column in table.columns if column not in (*COLUMNS, SOURCE)]
    if unknown:
        raise UsageError(f"{table.path} is not a board of published results. Unknown columns: {quoted(unknown)}.")
    found = []
    for line, texts in table.with_points(NUMBERS).lines:
        here = f"{table.path}, line {line}"
        values = {name: text if name == SOURCE else _value(name, text, here) for name, text in texts.items()}
        empty = [column for column in REQUIRED if column not in values]
        if empty:
            raise UsageError(f"Expected a value of {', '.join(empty)}, got none in {here}. Fill it in.")
        found.append(values)
    return found


def _value(column: str, text: str, here: str) -> Any:
    try:
        return KINDS[column].validate_python(text)
    except ValidationError as error:
        raise UsageError(f"{here}: {explain(error, column)}. Correct it.") from error
