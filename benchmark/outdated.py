"""Records that no longer count: of another schema, or of a cell whose version or data have changed since.

They are set aside, so that a leaderboard never mixes them with others, and come back if they count again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from .cells import Cell
from .engines.computing import Task
from .errors import UsageError
from .leaderboard import SCHEMA_VERSION, Record, read_record, record_path

FOLDER = "outdated"


def find_record(out: Path, cell_id: str) -> Record | None:
    """The record of a cell, also from among those set aside, if there is one of this schema.

    Raises:
        UsageError: if the file is damaged.
    """
    for path in (record_path(out, cell_id), out / FOLDER / f"{cell_id}.json"):
        if path.exists() and _content(path).get("schema_version") == SCHEMA_VERSION:
            return read_record(path)
    return None


def set_aside(out: Path, tasks: Iterable[Task]) -> list[str]:
    """Move records out of the way of the tasks, and those of the tasks that count again back.

    Returns:
        The cells whose records were set aside.

    Raises:
        UsageError: if a record is damaged.
    """
    wanted = {_key(task.cell): task.cell_id for task in tasks}
    for cell_id in wanted.values():
        aside = out / FOLDER / f"{cell_id}.json"
        if aside.exists() and not record_path(out, cell_id).exists() and find_record(out, cell_id):
            _move(out, cell_id, back=True)
    old = []
    for path in sorted((out / "cells").glob("*.json")):
        content = _content(path)
        row = content.get("row", {})
        key = tuple(row.get(column) for column in Cell.COLUMNS)
        if content.get("schema_version") != SCHEMA_VERSION or wanted.get(key, path.stem) != path.stem:
            _move(out, path.stem, back=False)
            old.append(path.stem)
    _set_board_aside(out)
    return old


def _key(cell: Cell) -> tuple[object, ...]:
    return tuple(cell.columns[column] for column in Cell.COLUMNS)


def _content(path: Path) -> dict[str, dict[str, object]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or not isinstance(content.get("row", {}), dict):
            raise ValueError("not an object")
    except (ValueError, OSError) as error:
        raise UsageError(f"{path} is not a valid record; delete it to have the cell computed again") from error
    return content


def _move(out: Path, cell_id: str, *, back: bool) -> None:
    (out / FOLDER).mkdir(exist_ok=True)
    homes = [record_path(out, cell_id), out / "pictures" / f"{cell_id}.png"]
    for home in homes:
        pair = [home, out / FOLDER / home.name]
        source, destination = pair[::-1] if back else pair
        if source.exists():
            os.replace(source, destination)


def _set_board_aside(out: Path) -> None:
    schema = out / "leaderboard.schema.json"
    if schema.exists() and _content(schema).get("schema_version") != SCHEMA_VERSION:
        (out / FOLDER).mkdir(exist_ok=True)
        for path in (out / "leaderboard.csv", schema):
            if path.exists():
                os.replace(path, out / FOLDER / path.name)
