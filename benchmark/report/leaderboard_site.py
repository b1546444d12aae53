"""Write the public leaderboard as a static site: a page that lists all submissions, and a page for each."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from ..errors import UsageError
from ..leaderboard.csv_files import to_csv
from ..leaderboard.results_folder import board_path
from ..leaderboard.store import to_frame
from ..leaderboard.submissions.reading import unpacked_submission
from ..leaderboard.verdicts import read_verdicts
from ..utils.atomic_files import write_output
from ..utils.texts import quoted
from .content import content
from .image_gallery import collect_strips
from .leaderboard_entries import LeaderboardEntry, as_data, describe_entry
from .page import fill, page

SCRIPTS = ("elements.js", "format.js", "table.js", "public_leaderboard.js")
"""The parts of the script of the leaderboard, in the order of their dependencies."""
TITLE = "Public leaderboard"
NAME = re.compile("[a-z0-9][a-z0-9-]*")
"""Names of submissions, which become folders of the site."""


def write_site(folder: Path, out: Path) -> list[Path]:
    """Write the leaderboard of all submissions in a folder.

    Each ``NAME.zip`` is checked as ``mia-bench verify --cells 0`` does, and gets the page ``NAME/index.html``, its CSV
    file and itself for download. ``NAME.verdicts.json`` beside it, which ``mia-bench verify --verdicts`` writes, says
    which cells were computed again. All pages hold their data, images and scripts, and load nothing.

    Args:
        folder: The folder of the submissions.
        out: The folder to write.

    Returns:
        The paths of the files written.

    Raises:
        UsageError: If a file is not a valid submission or holds invalid verdicts.

    Example:
        >>> write_site(Path("leaderboard"), Path("build/leaderboard"))  # doctest: +SKIP
    """
    written, entries = [], []
    for path in sorted(folder.glob("*.zip")):
        if not NAME.fullmatch(path.stem):
            raise UsageError(
                f"Expected a file name of lower-case letters, digits and hyphens, got {quoted(path.name)}. Rename it."
            )
        entry, files = _submission_pages(path, out / path.stem)
        entries.append(entry)
        written += files
    front = fill("public_leaderboard.html", SCRIPTS, TITLE, as_data(entries))
    return [write_output(out / "index.html", front.encode()), *written]


def _submission_pages(path: Path, out: Path) -> tuple[LeaderboardEntry, Iterable[Path]]:
    verdicts = read_verdicts(path.with_suffix(".verdicts.json"), path)
    with unpacked_submission(path) as (submission, unpacked):
        found = content(submission.rows, submission.records)
        gallery = collect_strips(found.scenarios, [unpacked])
    entry = describe_entry(path.stem, submission, verdicts, found, gallery)
    written = [
        write_output(out / "index.html", page(found, gallery, entry.title).encode()),
        write_output(board_path(out), to_csv(to_frame(submission.rows)).encode()),
        out / path.name,
    ]
    shutil.copyfile(path, written[-1])
    return entry, written
