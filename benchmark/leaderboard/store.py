"""Store the results of a run: the record of each cell, and the leaderboard that is rebuilt from them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from contextlib import AbstractContextManager
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from ..errors import UsageError
from ..plan.references import KEY_COLUMNS
from ..utils.atomic_files import check_writable, write_atomically, writing
from ..utils.file_locks import locked
from ..utils.files import Denied, Unreadable, read_json
from ..utils.plurals import count_of
from ..utils.texts import from_spreadsheet, one_line, quoted
from .csv_files import CsvTable, read_csv, to_csv
from .records import COLUMNS, NUMBERS, READABLE_SCHEMAS, SCHEMA_VERSION, TEXTS, WHOLE, Record, Row, explain
from .results_folder import board_path, cells_folder, record_files, record_path, schema_path

logger = logging.getLogger(__name__)


def write_record(out: Path, record: Record) -> None:
    """Write the record of a cell atomically."""
    write_atomically(record_path(out, record.row.cell_id), (record.model_dump_json(indent=1) + "\n").encode())


def read_record(path: Path) -> Record:
    """Read the record of a cell.

    Raises:
        UsageError: If the file is damaged, or its scores contradict each other.
    """
    record = read_readable(path)
    if record is None:
        schema = read_content(path).get("schema_version")
        raise UsageError(
            f"Expected a record of schema {SCHEMA_VERSION}, got schema {quoted(schema)} in {path}. Rerun the command "
            "of this folder: it moves the record and recomputes the cell."
        )
    return record


def read_readable(path: Path) -> Record | None:
    """Read the record of a cell; None if it has a schema that this version cannot read.

    Raises:
        UsageError: If the file is damaged, or its scores contradict each other.
    """
    content = read_content(path)
    if content.get("schema_version") not in READABLE_SCHEMAS:
        return None
    try:
        record = Record.model_validate(content, strict=True)
    except ValidationError as error:
        raise _damaged(path, explain(error)) from error
    if record.row.cell_id != path.stem:
        raise UsageError(
            f"Expected the record of cell {path.stem}, got cell {record.row.cell_id} in {path}.",
            "Delete it and rerun to recompute the cell.",
        )
    return record


def read_content(path: Path) -> dict[str, Any]:
    """Read the content of a record of any schema.

    Raises:
        UsageError: If the file does not hold an object with a row.
    """
    try:
        content = read_json(path)
    except Denied as error:
        raise UsageError(f"Cannot read {path}. {error}") from error
    except Unreadable as error:
        raise _damaged(path, error.reason.removesuffix(".")) from error
    if not isinstance(content, dict) or not isinstance(content.get("row", {}), dict):
        raise _damaged(path, "Expected an object with a row")
    return content


def _damaged(path: Path, reason: str) -> UsageError:
    return UsageError(f"{path} is not a valid record. {reason}.", "Delete it and rerun to recompute the cell.")


def read_records(out: Path) -> dict[str, Record]:
    """Read all records of a results folder, by cell."""
    return {path.stem: read_record(path) for path in record_files(out)}


def to_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a data frame in the order of a leaderboard."""
    return as_given(in_order(rows))


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Return rows in the order of a leaderboard."""
    return sorted(rows, key=attrgetter(*KEY_COLUMNS, "cell_id"))


def as_given(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a data frame in their own order."""
    frame = pd.DataFrame([row.model_dump() for row in rows], columns=COLUMNS)
    whole = dict.fromkeys(WHOLE, "Int64")
    return frame.astype({**dict.fromkeys(NUMBERS, "float64"), **whole})  # also columns without a value


def rebuild(out: Path, planned: Iterable[str]) -> Path:
    """Write ``leaderboard.csv`` and its schema from the records, and return its path.

    Args:
        out: The results folder.
        planned: Cells that runs into this folder have planned. Their rows may disappear with their records.

    Raises:
        UsageError: If a record is damaged, or the leaderboard holds rows that have no record and would be lost.
    """
    path = board_path(out)
    with locked(path):
        records = read_records(out)
        _refuse_loss(path, {*records, *planned})
        content = to_csv(to_frame(record.row for record in records.values())).encode("utf-8", "backslashreplace")
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
        schema = json.dumps({"schema_version": SCHEMA_VERSION, "columns": COLUMNS}, indent=1) + "\n"
        write_atomically(schema_path(out), schema.encode())
    return path


def _refuse_loss(path: Path, known: Iterable[str]) -> None:
    if path.exists():
        orphans = {row.cell_id for row in read_rows(path)} - set(known)
        if orphans:
            raise UsageError(
                f"Expected a record in {path.parent / 'cells'} for each row of {path}, got "
                f"{count_of(len(orphans), 'row')} without one, which would be lost. Choose another --out, or move that "
                "file."
            )


def read_rows(path: Path) -> list[Row]:
    """Read a leaderboard; see ``numbered_rows``."""
    return [row for _, row in numbered_rows(read_csv(path))]


def numbered_rows(table: CsvTable) -> list[tuple[int, Row]]:
    """Return the rows of a table, each with its line in the file.

    Columns may be in any order. Columns that a leaderboard does not have are ignored with a warning.

    Raises:
        UsageError: If a column is missing, a value is not allowed, or scores contradict each other.
    """
    table.require(COLUMNS[: COLUMNS.index("task")], f"a leaderboard of schema {READABLE_SCHEMAS[0]} or higher")
    table, known = table.with_points(NUMBERS), dict.fromkeys(COLUMNS)
    _warn_of_ignored(str(table.path), table.columns)
    rows = []
    for line, texts in table.lines:
        values = {
            name: from_spreadsheet(text) if name in TEXTS else text for name, text in texts.items() if name in known
        }
        try:
            rows.append((line, Row.model_validate(values)))
        except ValidationError as error:
            raise UsageError(f"{table.path}, line {line}: {explain(error)}. Correct it.") from error
    return rows


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a data frame, as ``mia_bench.run`` returns it. Further columns are ignored with a warning.

    Raises:
        UsageError: If a column is missing, a value is not allowed, or scores contradict each other.
    """
    known = [column for column in COLUMNS if column in frame.columns]
    if twice := [str(column) for column in frame.columns[frame.columns.duplicated()] if column in known]:
        raise UsageError(f"Expected each column once in the data frame, got {quoted(twice[0])} twice. Leave one out.")
    _warn_of_ignored("the data frame", [str(column) for column in frame.columns])
    try:
        return [
            Row.model_validate(
                {str(name): _given(str(name), value) for name, value in line.items() if _is_known(value)}
            )
            for line in pd.DataFrame(frame[known]).to_dict(orient="records")
        ]
    except ValidationError as error:
        raise UsageError(
            f"The data frame is not a leaderboard: {explain(error)}. Pass the result of mia_bench.run."
        ) from error


def _is_known(value: Any) -> bool:
    return not (pd.api.types.is_scalar(value) and pd.isna(value))


def _given(column: str, value: object) -> object:
    """Return a value of a data frame. ``pandas.read_csv`` reads names such as the split ``3`` as whole numbers."""
    return str(value) if column in TEXTS and isinstance(value, int) and not isinstance(value, bool) else value


def _warn_of_ignored(where: str, columns: Iterable[str]) -> None:
    others = [column for column in columns if column not in Row.model_fields]
    if others:
        logger.warning(
            "%s", one_line(f"Ignored columns of {where} that a leaderboard does not have: {quoted(others)}.")
        )


def check_results_writable(out: Path) -> None:
    """Check that results can be written, before hours are spent on them.

    Raises:
        UsageError: If a folder cannot be created or written.
    """
    for folder in (out, cells_folder(out)):
        check_writable(folder)


def writing_results(out: Path) -> AbstractContextManager[None]:
    """Turn errors of the file system in a block of a run into one sentence, which says what becomes of its results.

    Raises:
        UsageError: If results cannot be written, for example because the disk is full.
    """
    return writing(out, f"results to {out}", "Finished cells are saved. Free some space, or choose another --out.")
