"""The messages between the scheduler and its workers: jobs and their results."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..evaluation.artifacts import Artifacts
from ..evaluation.evaluate import evaluate
from ..evaluation.perceptual import MS_SSIM_ALONE, PerceptualMeasures
from ..evaluation.strips import strip
from ..leaderboard.records import Record
from ..plan.cells import Cell, Setting
from .kept_images import as_16_bits


@dataclass(frozen=True)
class CellJob:
    """Ask a worker to compute a cell.

    Attributes:
        cell: The cell.
        cell_id: The id of the cell, which names its record.
        perceptual: The perceptual measures that are computed as well.
        required: The columns of those that can be computed for these images, without which a record is not finished.

    Example: See ``run_job``, which computes a job.
    """

    cell: Cell
    cell_id: str
    perceptual: PerceptualMeasures = field(default=MS_SSIM_ALONE, kw_only=True)
    required: tuple[str, ...] = field(default=(), kw_only=True)

    def is_finished_by(self, record: Record) -> bool:
        """Return whether a record has everything, so that the cell is not computed again."""
        row = record.row
        lacks = row.status == "done" and any(getattr(row, name) is None for name in self.required)
        outdated = row.lpips is not None and self.perceptual.is_outdated(record.notes)
        return row.status != "failed" and not lacks and not outdated


@dataclass(frozen=True)
class SettingTrial:
    """Ask a worker whether a setting can be made, and for the facts about its data.

    Example: See ``plugin_trial.try_settings``, which sends these.
    """

    setting: Setting


@dataclass(frozen=True)
class CellResult:
    """Hold the result of a cell.

    Attributes:
        record: The record of the cell.

    Example: See ``run_job``, which returns a result.
    """

    record: Record
    strip: bytes | None = None
    """The strip of originals above reconstructions, as PNG. None without reconstructions.

    If an ensemble selected another member for SSIM, the images of that member are the third row.
    """
    images: NDArray[np.uint16] | None = None
    """The reconstructions in [0, 1] as 16-bit values, (N, C, H, W). None without reconstructions."""


def run_job(job: CellJob, artifacts: Artifacts) -> CellResult:
    """Evaluate a cell and draw its strip of images.

    Raises:
        UsageError: If a parameter is wrong, or a cached file is damaged.
    """
    record, rebuilt = evaluate(job.cell, job.cell_id, artifacts, job.perceptual)
    drawn = images = None
    if rebuilt is not None:
        images = as_16_bits(rebuilt.images)
        rows = [rebuilt.images, *([rebuilt.similar] if rebuilt.selected_by_ssim else [])]
        drawn = strip(artifacts.originals(job.cell.setting), *rows)
    return CellResult(record, drawn, images)
