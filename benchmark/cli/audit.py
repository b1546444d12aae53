"""Run ``mia-bench audit``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..leaderboard.auditing import audit
from ..leaderboard.completeness import each_once
from ..leaderboard.flag_notices import details, grouped
from ..leaderboard.loading import load_results
from ..leaderboard.results_folder import common_folder
from ..utils.texts import say, say_paragraph
from .missing_cells import missing_cell_notices


def audit_boards(paths: Sequence[Path], *, strict: bool) -> int:
    """Run ``mia-bench audit``.

    Returns:
        The exit code: 1 if there are flags and ``strict``, else 0.

    Raises:
        UsageError: If the paths hold no results, a damaged file, or two results of one cell.
    """
    rows, records = load_results(paths, "audit")
    missing = missing_cell_notices(paths, (row.cell_id for row in rows))
    groups = grouped(audit(each_once(rows), records, common_folder(paths)))
    for position, (name, flags) in enumerate(groups.items()):
        if position:
            say()
        for line in details(name, flags):
            say_paragraph(line)
    if not groups:
        say("No flags.")
    for line in missing:
        say(line, err=True)
    return 1 if groups and strict else 0
