"""Every file of the public leaderboard is a valid submission."""

import re
from pathlib import Path

from mia_bench.benchmark.leaderboard.submissions.reading import read_submission

FOLDER = Path(__file__).parents[1] / "leaderboard"


def test_the_public_leaderboard_holds_valid_submissions_only() -> None:
    names = [path.name for path in FOLDER.iterdir()]

    assert "README.md" in names
    for name in names:
        assert name == "README.md" or re.fullmatch(r"[a-z0-9-]+\.zip", name), name
        if name.endswith(".zip"):
            assert read_submission(FOLDER / name).rows
