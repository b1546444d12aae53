"""Move outdated records: those of another schema, and those of cells whose version or data have changed.

They are moved to a separate folder, so that a leaderboard never mixes them with others, and back if they are
valid again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..plan.cells import Cell, Setting
from ..plan.references import KEY_COLUMNS
from .records import READABLE_SCHEMAS, Record
from .results_folder import (
    board_path,
    images_path,
    outdated_folder,
    record_files,
    record_path,
    schema_path,
    strip_path,
)
from .store import read_content, read_readable


def find_record(out: Path, cell_id: str) -> Record | None:
    """Return the record of a cell, also an outdated one, if there is one of this schema.

    Raises:
        UsageError: If the file is damaged.
    """
    for path in (record_path(out, cell_id), outdated_folder(out) / f"{cell_id}.json"):
        if path.exists() and (record := read_readable(path)):
            return record
    return None


def set_aside(
    out: Path, planned: Mapping[str, Cell], fingerprint: Callable[[Setting], str], *, datasets: Container[object]
) -> dict[str, str]:
    """Move outdated records to a separate folder, and planned records that are valid again back.

    Args:
        out: The results folder.
        planned: The planned cells by their id.
        fingerprint: Returns the fingerprint of the data of a setting.
        datasets: The planned datasets, by their names in a leaderboard. Records of others, and of components that are
            not installed, stay where they are.

    Returns:
        The present ids of the cells whose records were moved, by their ids in these records.

    Raises:
        UsageError: If a record is damaged.
    """
    for cell_id in planned:
        aside = outdated_folder(out) / f"{cell_id}.json"
        if aside.exists() and not record_path(out, cell_id).exists() and find_record(out, cell_id):
            _move(out, cell_id, back=True)
    names = {_key(cell.columns): cell_id for cell_id, cell in planned.items()}

    def present_id(row: Mapping[str, Any]) -> str | None:
        return _cell_id(row, fingerprint) if row.get("dataset") in datasets else None

    old = {}
    for path in record_files(out):
        present = _present_id(path, names, present_id)
        if present is not None:
            _move(out, path.stem, back=False)
            old[path.stem] = present
    _set_board_aside(out)
    return old


def _present_id(
    path: Path, names: Mapping[Any, str], present_id: Callable[[Mapping[str, Any]], str | None]
) -> str | None:
    """Return the present id of the cell of an outdated record; None if the record is up to date."""
    record = read_readable(path)
    if record is None:
        return names.get(_key(read_content(path).get("row", {})), path.stem)
    row = record.row.model_dump()
    present = names.get(_key(row)) or present_id(row) or path.stem
    return present if present != path.stem else None


def _key(columns: Mapping[str, object]) -> tuple[object, ...]:
    values = (columns.get(column) for column in KEY_COLUMNS)
    return tuple(value if isinstance(value, str | int) else None for value in values)


def _cell_id(row: Mapping[str, Any], fingerprint: Callable[[Setting], str]) -> str | None:
    """Return the present id of the cell of a row; None if it is unknown."""
    try:
        cell = Cell.of(row)
        return cell.cell_id(fingerprint(cell.setting)) if _key(cell.columns) == _key(row) else None
    except (UsageError, ValueError, TypeError):  # the component is not installed, or takes other parameters
        return None


def _move(out: Path, cell_id: str, *, back: bool) -> None:
    outdated = outdated_folder(out)
    outdated.mkdir(exist_ok=True)
    for home in (record_path(out, cell_id), strip_path(out, cell_id), images_path(out, cell_id)):
        pair = [home, outdated / home.name]
        source, destination = pair[::-1] if back else pair
        if source.exists():
            os.replace(source, destination)


def _set_board_aside(out: Path) -> None:
    schema, outdated = schema_path(out), outdated_folder(out)
    if schema.exists() and read_content(schema).get("schema_version") not in READABLE_SCHEMAS:
        outdated.mkdir(exist_ok=True)
        for path in (board_path(out), schema):
            if path.exists():
                os.replace(path, outdated / path.name)
