"""Boards of two cells, whole, to be damaged."""

import csv
import json
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.results_folder import record_path
from mia_bench.benchmark.leaderboard.store import read_rows, rebuild, write_record

from ..benchmark.leaderboard.test_ranking import record

Row = dict[str, Any]

HOSTILE = "\x1b]0;owned\x07 \x1b[2J\u202e|forged|\r\nline"
"""A text that would drive a terminal, forge a cell of a table, and break a line."""


def cells() -> list[Record]:
    """An attack and the reference attack on one defense."""
    return [
        record("dropout", "ridge", [20.0, 30.0], [0.5, 0.7], psnr_db_low=20.0, psnr_db_high=30.0, epsilon=1.0),
        record("dropout", "mean_image", [10.0, 12.0], [0.1, 0.2]),
    ]


def results(out: Path, *records: Record) -> Path:
    """A results folder, as a run leaves it."""
    for each in records or cells():
        write_record(out, each)
    plan = {each.row.cell_id: f"{each.row.defense} {each.row.attack}" for each in records or cells()}
    (out / "plan.json").write_text(json.dumps(plan))
    rebuild(out, ())
    return out


def board(tmp_path: Path) -> Path:
    """A leaderboard away from its records."""
    path = tmp_path / "board.csv"
    path.write_bytes((results(tmp_path / "results") / "leaderboard.csv").read_bytes())
    return path


def changed(path: Path, change: Callable[[list[Row]], object], separator: str = ",") -> Path:
    """Change the rows of a leaderboard, as lists of texts by column, the ridge attack last."""
    lines = list(csv.DictReader(StringIO(path.read_text())))
    lines = change(lines) or lines  # type: ignore[assignment]
    target = StringIO()
    writer = csv.DictWriter(target, list(lines[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(lines)
    path.write_text(target.getvalue(), newline="")
    return path


def changed_record(out: Path, change: Callable[[Any], object]) -> Path:
    """Change the content of the record of the ridge attack; its leaderboard is taken away."""
    (out / "leaderboard.csv").unlink()
    path = record_path(out, cells()[0].row.cell_id)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def scores(path: Path) -> list[float | None]:
    """The PSNR of each row of a leaderboard."""
    return [row.psnr_db for row in read_rows(path)]


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
