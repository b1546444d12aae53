"""Leaderboards from disk: ours with the records beside them, and published ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from .errors import UsageError
from .leaderboard import COLUMNS, Record, Row, read_record, read_records, read_rows, record_path

SOURCE = "source"
"""The column that makes a board a published one: paper, table and cell."""
REQUIRED = ("dataset", "model", "split", "defense", "attack", SOURCE)
"""What every row of a published board says."""


def load_boards(paths: Sequence[Path]) -> tuple[list[Row], dict[str, Record]]:
    """Read leaderboards or results folders, each cell once, and the records that lie beside them.

    Raises:
        UsageError: if a file is not a leaderboard, a folder holds no records, a record is damaged, or scores do not
            compare.
    """
    rows: dict[str, Row] = {}
    records: dict[str, Record] = {}
    for path in paths:
        if path.is_dir():
            found = read_records(path)
            if not found:
                raise UsageError(f"{path} holds no results of mia-bench: there are no cells/*.json in it")
            records = found | records
            rows = {cell_id: record.row for cell_id, record in found.items()} | rows
            continue
        for row in read_rows(path):
            beside = record_path(path.parent, row.cell_id)
            if row.cell_id not in records and beside.exists():
                records[row.cell_id] = read_record(beside)
            record = records.get(row.cell_id)
            rows.setdefault(row.cell_id, record.row if record else row)
    protocols = sorted({row.protocol for row in rows.values()})
    if len(protocols) > 1:
        raise UsageError(
            f"{' and '.join(map(str, paths))} hold scores of different evaluation protocols, "
            f"{' and '.join(map(str, protocols))}, which are not comparable"
        )
    return list(rows.values()), records


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
    if path.is_file() and SOURCE in _header(path):
        return [Entry(values) for values in _read_published(path)], True
    rows, records = load_boards([path])
    return [Entry(row.model_dump(exclude_none=True), records.get(row.cell_id)) for row in rows], False


def _header(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].split(",")
    except (OSError, UnicodeDecodeError):
        return []  # the reader of leaderboards says what is wrong


def _read_published(path: Path) -> list[dict[str, Any]]:
    try:
        frame = pd.read_csv(path, na_filter=False, dtype=str, encoding="utf-8")
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UsageError(f"cannot read the published board {path}: {str(error).strip()}") from error
    unknown = [column for column in frame.columns if column not in (*COLUMNS, SOURCE)]
    missing = [column for column in REQUIRED if column not in frame.columns]
    if unknown or missing:
        raise UsageError(f"{path} is no published board: missing columns {missing}, unknown columns {unknown}")
    kinds = {name: TypeAdapter(cast(Any, field.annotation)) for name, field in Row.model_fields.items()}
    kinds[SOURCE] = TypeAdapter(str)
    found = []
    for line, texts in enumerate(frame.to_dict(orient="records"), start=2):
        here = f"{path}, line {line}"
        values = {str(name): _value(kinds[str(name)], str(name), text, here) for name, text in texts.items() if text}
        empty = [column for column in REQUIRED if column not in values]
        if empty:
            raise UsageError(f"{here}: {', '.join(empty)} must not be empty")
        found.append(values)
    return found


def _value(kind: TypeAdapter[Any], column: str, text: str, here: str) -> Any:
    try:
        if column.endswith("_params") and not isinstance(json.loads(text), dict):
            raise UsageError(f"{here}, column {column}: {text!r} is not allowed: expected a JSON object")
        return kind.validate_python(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{here}, column {column}: {text!r} is not allowed: {error}") from error
    except ValidationError as error:
        raise UsageError(f"{here}, column {column}: {text!r} is not allowed: {error.errors()[0]['msg']}") from error
