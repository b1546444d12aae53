"""Warn of planned cells that results lack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..leaderboard.plan_file import read_plan
from ..leaderboard.results_folder import cells_folder
from ..utils.plurals import count_of
from ..utils.texts import say


def warn_of_missing_cells(paths: Sequence[Path], found: Iterable[str]) -> None:
    """Say for each folder, on the error stream, how many of its planned cells are missing.

    Args:
        paths: Leaderboards or results folders.
        found: The cells that were read from them.
    """
    known = set(found)
    for path in paths:
        folder = path if path.is_dir() else path.parent
        if not cells_folder(folder).is_dir():
            continue  # the plan.json beside a table may be that of another program
        missing = len(read_plan(folder).keys() - known)
        if missing:
            absent = count_of(missing, "planned cell is", "planned cells are")
            say(f"{absent} missing, so more may leak than shown. See mia-bench status {folder}.", err=True)
