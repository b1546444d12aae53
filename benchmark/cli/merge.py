"""Merge results folders: the command ``mia-bench merge``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..leaderboard.merging import merge
from ..utils.texts import say


def merge_folders(folders: Sequence[Path], out: Path) -> None:
    """Run ``mia-bench merge``.

    Raises:
        UsageError: if a folder holds no records, or the folders contradict each other.
    """
    merged = merge(folders, out)
    shared = f"; {merged.shared} were in several folders" if merged.shared else ""
    say(f"Merged {merged.cells} cells{shared}.")
    say(f"Wrote {merged.board}")
