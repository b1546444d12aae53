"""Write a submission: the command ``mia-bench submit``."""

from __future__ import annotations

from pathlib import Path

from ..leaderboard.submissions import write_submission
from ..utils.texts import say


def submit(folder: Path, out: Path, *, title: str, paper: str, code: str) -> None:
    """Run ``mia-bench submit``.

    Raises:
        UsageError: if the folder does not hold complete, valid results.
    """
    manifest = write_submission(folder, out, title=title, paper=paper, code=code)
    cells = sum(name.startswith("cells/") for name in manifest.files)
    say(f"Wrote {out} with {cells} cells. Check it with: mia-bench verify {out}")
