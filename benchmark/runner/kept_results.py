"""The results that a run keeps: records, strips of images and reconstructions."""

from __future__ import annotations

from ..evaluation.perceptual import BACKBONE_NOTE
from ..leaderboard.reconciliation import completed
from ..leaderboard.records import PERCEPTUAL, Record
from ..leaderboard.results_folder import images_path, record_path, strip_path
from ..leaderboard.store import read_record, write_record
from ..utils.atomic_files import write_atomically
from .jobs import CellResult
from .kept_images import write_images
from .options import RunOptions


def keep_result(outcome: CellResult, options: RunOptions) -> Record:
    """Write a record and its images, unless it has failed and a finished one exists. Return the record that is kept."""
    out, record = options.out, outcome.record
    path = record_path(out, record.row.cell_id)
    if path.exists():
        old = read_record(path)
        if not _improves(record, old):
            return old
        record = completed(record, old)
    if outcome.strip is not None:
        write_atomically(strip_path(out, record.row.cell_id), outcome.strip)
    if outcome.images is not None and options.keep_images:
        write_images(images_path(out, record.row.cell_id), outcome.images)
    write_record(out, record)
    return record


def _improves(record: Record, old: Record) -> bool:
    """Return whether a record replaces an old one: that failed, lacks a perceptual measure, or has another backbone."""
    if old.row.status == "failed":
        return True
    if record.row.lpips is not None and record.notes.get(BACKBONE_NOTE) != old.notes.get(BACKBONE_NOTE):
        return True
    return any(getattr(old.row, name) is None and getattr(record.row, name) is not None for name in PERCEPTUAL)
