"""A cell as it travels to whoever computes it, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

from ..evaluation.artifacts import Artifacts
from ..evaluation.evaluate import evaluate
from ..evaluation.strips import strip
from ..leaderboard.store import Record
from ..plan.cells import Cell, Setting


@dataclass(frozen=True)
class Task:
    """A cell and its name on disk."""

    cell: Cell
    cell_id: str


@dataclass(frozen=True)
class Look:
    """The wish to know whether a setting can be made, and what its data are."""

    setting: Setting


@dataclass(frozen=True)
class CellResult:
    """The record of a cell, and the strip of its pictures as PNG, if it has any."""

    record: Record
    picture: bytes | None = None


def run_task(task: Task, artifacts: Artifacts) -> CellResult:
    """Evaluate a cell, and draw its strip.

    Raises:
        UsageError: if a parameter turns out to be wrong, or a cached file damaged.
    """
    record, images = evaluate(task.cell, task.cell_id, artifacts)
    picture = None if images is None else strip(artifacts.originals(task.cell.setting), images)
    return CellResult(record, picture)
