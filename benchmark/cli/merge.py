"""Merge results folders: the command ``mia-bench merge``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..leaderboard.merging import merge
from ..utils.plurals import count_of
from ..utils.texts import say


def merge_folders(folders: Sequence[Path], out: Path) -> None:
    """Run ``mia-bench merge``.

    Raises:
        UsageError: If a folder holds no records, or the folders contradict each other.
    """
    merged = merge(folders, out)
    shared = f"; {count_of(merged.shared, 'was', 'were')} in several folders" if merged.shared else ""
    say(f"Merged {count_of(merged.cells, 'cell')}{shared}.")
    say(f"Wrote {merged.board}")
