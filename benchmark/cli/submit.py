"""Write a submission: the command ``mia-bench submit``."""

from __future__ import annotations

from pathlib import Path

from ..leaderboard.submissions import read_submission, write_submission
from ..plan.local_inputs import is_local, local_inputs
from ..utils.texts import say, say_paragraph


def submit(folder: Path, out: Path, *, title: str, paper: str, code: str) -> None:
    """Run ``mia-bench submit``.

    Raises:
        UsageError: if the folder does not hold complete, valid results.
    """
    manifest = write_submission(folder, out, title=title, paper=paper, code=code)
    cells = sum(name.startswith("cells/") for name in manifest.files)
    local = [row for row in read_submission(out).rows if is_local(row.model_dump())]
    if local:
        say_paragraph(
            f"{len(local)} of {cells} cells name files, code or objects that only this machine or Python session has, "
            f"such as {local_inputs(local[0].model_dump())[0]}. Nobody can compute them again, so they stay "
            "self-reported."
        )
    say(f"Wrote {out} with {cells} cells. Check it with: mia-bench verify {out}")
