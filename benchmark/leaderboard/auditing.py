"""Run all audits of a leaderboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from .flag_kinds import FLAG_KINDS
from .flags import Flag
from .records import Record, Row
from .scored_rows import ScoredRows


def audit(rows: Iterable[Row], records: Mapping[str, Record], folder: Path | None = None) -> list[Flag]:
    """Run all audits; each flags a cell at most once, however many cells it is compared with.

    Args:
        rows: Rows of one or several leaderboards.
        records: Available records by cell. Without them, audits that need them find nothing and others are less
            sensitive.
        folder: The results folder to which commands add what is lacking; None leaves it out of them.

    Returns:
        The flags in the order of ``FLAG_KINDS``.
    """
    board = ScoredRows(rows, records, folder)
    flags: dict[tuple[str, str], Flag] = {}
    for name, kind in FLAG_KINDS.items():
        for found in kind.find(board):
            flag = Flag(name, found.sentence, found.cell_ids, found.subject)
            flags.setdefault((name, found.cell_ids[0]), flag)
    return list(flags.values())
