"""Tell which planned cells results lack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..leaderboard.plan_file import read_plan
from ..leaderboard.results_folder import cells_folder
from ..utils.plurals import count_of
from ..utils.texts import as_typed


def missing_cell_notices(paths: Sequence[Path], found: Iterable[str]) -> list[str]:
    """Return a sentence for each folder of whose planned cells some are missing.

    Args:
        paths: Leaderboards or results folders.
        found: The cells that were read from them.

    Raises:
        UsageError: If a plan is damaged.
    """
    known, notices = set(found), list[str]()
    for path in paths:
        folder = path if path.is_dir() else path.parent
        if not cells_folder(folder).is_dir():
            continue  # the plan.json beside a table may be that of another program
        missing = len(read_plan(folder).keys() - known)
        if missing:
            absent = count_of(missing, "planned cell is", "planned cells are")
            command = as_typed("mia-bench", "status", folder)
            notices.append(f"{absent} missing, so more may leak than shown. See {command}.")
    return notices
