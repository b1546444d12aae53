"""Leaderboards from disk: ours with the records beside them, and published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import UsageError
from ..utils.texts import quoted
from .csv_files import CsvTable, read_csv
from .records import KINDS, disagreement, explain
from .store import COLUMNS, Record, Row, numbered_rows, read_record, read_records, record_path

SOURCE = "source"
"""The column that makes a board a published one: paper, table and cell."""
REQUIRED = ("dataset", "model", "split", "defense", "attack", SOURCE)
"""What every row of a published board says."""


class Cells:
    """The rows of several boards, each cell once, with the records that lie beside them.

    Attributes:
        rows: by cell.
        records: by cell, of those cells that have one.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.rows: dict[str, Row] = {}
        self.records: dict[str, Record] = {}
        self._places: dict[str, str] = {}

    def read(self, path: Path) -> None:
        """Add a leaderboard or a results folder.

        Raises:
            UsageError: if it is neither, a file is damaged, or a cell has other scores than before.
        """
        if path.is_dir():
            found = read_records(path)
            if not found:
                raise UsageError(f"{path} holds no results of mia-bench: there are no cells/*.json in it")
            for record in found.values():
                self.add(record.row, record, str(record_path(path, record.row.cell_id)))
        else:
            self.read_table(read_csv(path))

    def read_table(self, table: CsvTable) -> None:
        """Add a leaderboard, with the records beside it."""
        if SOURCE in table.columns and "cell_id" not in table.columns:
            raise UsageError(f"{table.path} holds published figures, which only `mia-bench compare` reads")
        for line, row in numbered_rows(table):
            beside = record_path(table.path.parent, row.cell_id)
            if beside.exists():
                record = read_record(beside)
                _refuse_edited(row, record.row, f"{table.path}, line {line}", beside)
                self.add(record.row, record, str(beside))
            else:
                self.add(row, None, f"{table.path}, line {line}")

    def add(self, row: Row, record: Record | None, place: str) -> None:
        """Add a row; one of a cell that is done wins over one that is not.

        Raises:
            UsageError: if the cell is there with other scores.
        """
        cell_id = row.cell_id
        known = self.rows.get(cell_id)
        if known is not None:
            column = disagreement(known, row)
            if column:
                raise UsageError(
                    f"cell {cell_id} is there twice, and its {column} differs: {quoted(getattr(known, column))} in "
                    f"{self._places[cell_id]}, {quoted(getattr(row, column))} in {place}; leave one of them out"
                )
        if known is None or (known.status != "done" and row.status == "done"):
            self.rows[cell_id], self._places[cell_id] = row, place
            self.records.pop(cell_id, None)
        if record is not None and self.rows[cell_id].status == row.status:
            self.records.setdefault(cell_id, record)

    def finish(self) -> tuple[list[Row], dict[str, Record]]:
        """The rows and records, once all are added.

        Raises:
            UsageError: if scores do not compare.
        """
        protocols = sorted({row.protocol for row in self.rows.values()})
        if len(protocols) > 1:
            places = [next(self._places[key] for key, row in self.rows.items() if row.protocol == p) for p in protocols]
            raise UsageError(
                f"scores of different evaluation protocols are not comparable: {protocols[0]} in {places[0]}, "
                f"{protocols[1]} in {places[1]}"
            )
        return list(self.rows.values()), self.records


def _refuse_edited(row: Row, recorded: Row, place: str, beside: Path) -> None:
    column = disagreement(row, recorded)
    if column:
        raise UsageError(
            f"{place} has {column} {quoted(getattr(row, column))}, and the record {beside} has "
            f"{quoted(getattr(recorded, column))}; leaderboards are made from records: give the folder "
            f"{beside.parent.parent} to go by the records, or move the table elsewhere to go by it"
        )


def load_boards(paths: Sequence[Path]) -> tuple[list[Row], dict[str, Record]]:
    """Read leaderboards or results folders, each cell once, and the records that lie beside them.

    Raises:
        UsageError: if a file is not a leaderboard, a folder holds no records, a record is damaged, boards contradict
            each other, or scores do not compare.
    """
    cells = Cells()
    for path in paths:
        cells.read(path)
    return cells.finish()


@dataclass(frozen=True)
class Entry:
    """A row of any board, as it is compared.

    Attributes:
        values: by column; columns that the board does not have, or leaves empty, are absent.
        record: what is kept of the cell, where it is at hand.
    """

    values: Mapping[str, Any]
    record: Record | None = None

    def number(self, column: str) -> float | None:
        """The finite value of a column; None if there is none."""
        value = self.values.get(column)
        return float(value) if isinstance(value, int | float) and abs(value) < float("inf") else None


def load_entries(path: Path) -> tuple[list[Entry], bool]:
    """Read a leaderboard, a results folder or a published board.

    Returns:
        The rows, and whether they are published figures, which may leave columns out and have ``source`` in addition.

    Raises:
        UsageError: if it is none of these, or damaged.
    """
    cells = Cells()
    if path.is_dir():
        cells.read(path)
    else:
        table = read_csv(path)
        if SOURCE in table.columns:
            return [Entry(values) for values in _published(table)], True
        cells.read_table(table)
    rows, records = cells.finish()
    return [Entry(row.model_dump(exclude_none=True), records.get(row.cell_id)) for row in rows], False


def _published(table: CsvTable) -> list[dict[str, Any]]:
    table.require(REQUIRED, "a board of published figures")
    unknown = [column for column in table.columns if column not in (*COLUMNS, SOURCE)]
    if unknown:
        raise UsageError(f"{table.path} is not a board of published figures: unknown columns {quoted(unknown)}")
    found = []
    for line, texts in table.lines:
        here = f"{table.path}, line {line}"
        values = {name: text if name == SOURCE else _value(name, text, here) for name, text in texts.items()}
        empty = [column for column in REQUIRED if column not in values]
        if empty:
            raise UsageError(f"{here}: {', '.join(empty)} must not be empty")
        found.append(values)
    return found


def _value(column: str, text: str, here: str) -> Any:
    try:
        return KINDS[column].validate_python(text)
    except ValidationError as error:
        raise UsageError(f"{here}, {explain(error, column)}") from error
