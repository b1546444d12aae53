"""What ``mia-bench audit`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..leaderboard.audits import audit
from ..leaderboard.loading import load_boards
from ..utils.texts import one_line, say


def audit_boards(paths: Sequence[Path], *, strict: bool) -> int:
    """Carry out ``mia-bench audit``.

    Returns:
        The exit code: 1 if there are flags and ``strict``, else 0.

    Raises:
        UsageError: if a path holds no results, or a damaged file.
    """
    flags = audit(*load_boards(paths))
    for flag in flags:
        say(one_line(f"{flag.name}: {flag.sentence} [{' '.join(flag.cell_ids)}]"))
    if not flags:
        say("no flags")
    return 1 if flags and strict else 0
