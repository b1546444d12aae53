"""The messages between the scheduler and its workers: tasks and their results."""

from __future__ import annotations

from dataclasses import dataclass

from ..evaluation.artifacts import Artifacts
from ..evaluation.evaluate import evaluate
from ..evaluation.strips import strip
from ..leaderboard.store import Record
from ..plan.cells import Cell, Setting


@dataclass(frozen=True)
class Task:
    """Ask a worker to compute a cell.

    Attributes:
        cell: The cell.
        cell_id: The id of the cell, which names its record.

    Example: See ``run_task``, which computes a task.
    """

    cell: Cell
    cell_id: str


@dataclass(frozen=True)
class Look:
    """Ask a worker whether a setting can be made, and for the facts about its data.

    Example: See ``plugin_trial.look``, which sends these.
    """

    setting: Setting


@dataclass(frozen=True)
class CellResult:
    """Hold the result of a cell.

    Attributes:
        record: The record of the cell.

    Example: See ``run_task``, which returns a result.
    """

    record: Record
    picture: bytes | None = None
    """The strip of originals above reconstructions, as PNG. None without reconstructions.

    If an ensemble selected another member for SSIM, the images of that member are the third row.
    """


def run_task(task: Task, artifacts: Artifacts) -> CellResult:
    """Evaluate a cell and draw its strip of images.

    Raises:
        UsageError: If a parameter is wrong, or a cached file is damaged.
    """
    record, rebuilt = evaluate(task.cell, task.cell_id, artifacts)
    picture = None
    if rebuilt is not None:
        rows = [rebuilt.images, *([rebuilt.similar] if rebuilt.selected_by_ssim else [])]
        picture = strip(artifacts.originals(task.cell.setting), *rows)
    return CellResult(record, picture)
