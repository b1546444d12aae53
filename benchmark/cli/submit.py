"""Write a submission: the command ``mia-bench submit``."""

from __future__ import annotations

from pathlib import Path

from ..leaderboard.submissions.reading import read_submission
from ..leaderboard.submissions.writing import write_submission
from ..plan.local_inputs import is_local, local_inputs
from ..utils.plurals import count_of, fitting
from ..utils.texts import as_typed, say, say_paragraph


def submit(folder: Path, out: Path, *, title: str, paper: str, code: str) -> None:
    """Run ``mia-bench submit``.

    Raises:
        UsageError: If the folder does not hold complete, valid results.
    """
    manifest = write_submission(folder, out, title=title, paper=paper, code=code)
    cells = sum(name.startswith("cells/") for name in manifest.files)
    local = [row for row in read_submission(out).rows if is_local(row.model_dump())]
    if local:
        example, stays = local_inputs(local[0].model_dump())[0], fitting(len(local), "it stays", "they stay")
        say_paragraph(
            f"{len(local)} of {count_of(cells, 'cell')} {fitting(len(local), 'names', 'name')} files, code or objects "
            f"that only this machine or Python session has, such as {example}. Nobody can compute "
            f"{fitting(len(local), 'it', 'them')} again, so {stays} self-reported."
        )
    say(f"Wrote {out} with {count_of(cells, 'cell')}. Check it with: {as_typed('mia-bench', 'verify', out)}")
