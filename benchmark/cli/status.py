"""Run ``mia-bench status``."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from ..leaderboard.plan_file import read_plan
from ..leaderboard.store import read_records
from ..utils.texts import one_line, say


def status(folder: Path) -> None:
    """Run ``mia-bench status``.

    Raises:
        UsageError: If the folder holds no run, or a damaged file.
    """
    planned = read_plan(folder)
    if not planned:
        raise UsageError(
            f"Expected the results folder of a run, got {folder}, which has no plan.json. Give the folder that the "
            "option --out of mia-bench run named."
        )
    records = read_records(folder)
    states = {cell_id: records[cell_id].row.status if cell_id in records else "missing" for cell_id in planned}
    for cell_id, state in states.items():
        if state != "done":
            reason = f": {records[cell_id].row.reason}" if cell_id in records else ""
            say(one_line(f"{state:12} {cell_id}  {planned[cell_id]}{reason}"))
    counts = {state: list(states.values()).count(state) for state in ("done", "failed", "inapplicable", "missing")}
    say(", ".join(f"{count} {state}" for state, count in counts.items()))
    if counts["failed"] or counts["missing"]:
        say("Finished cells are saved; rerun the same command to resume.")
