"""Warnings at the end of a run: flags of the audits, and failed cells."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..leaderboard.auditing import audit
from ..leaderboard.flag_kinds import INCOMPLETE
from ..leaderboard.flag_notices import notice
from ..leaderboard.records import Record
from ..utils.plurals import count_of, fitting

logger = logging.getLogger(__name__)


def log_warnings(records: Sequence[Record]) -> int:
    """Log what the audits find and how many cells failed. Return the number of failed cells."""
    found = audit([record.row for record in records], {record.row.cell_id: record for record in records})
    flags = [flag for flag in found if flag.name != INCOMPLETE]  # A run may be a part of a board.
    for line in notice(flags):
        logger.warning("%s", line)
    if flags:
        logger.warning("For the figures and likely causes of each flag, run mia-bench audit on the results folder.")
    failed = sum(record.row.status == "failed" for record in records)
    if failed:
        cells, reasons = count_of(len(records), "cell"), fitting(failed, "Its reason is", "Their reasons are")
        logger.warning("%d of %s failed. %s in the leaderboard.", failed, cells, reasons)
    return failed
