"""The execution of a plan with its progress on stderr or in a notebook."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from contextlib import nullcontext

from ..evaluation.artifacts import Artifacts
from ..leaderboard.records import Record
from .cell_labels import divided_labels
from .countdown import Countdown
from .estimates import estimate
from .notebook_progress import NotebookDisplay
from .opening import opening
from .options import RunOptions
from .progress import Display, Listener
from .resume import PlannedCell, unfinished
from .run import execute
from .timings import timings_of

logger = logging.getLogger(__name__)


def compute(
    planned: Sequence[PlannedCell],
    options: RunOptions,
    artifacts: Artifacts,
    *,
    quiet: bool = False,
    display: type[Display] | type[NotebookDisplay] = Display,
) -> list[Record]:
    """Compute the cells that are not finished, and show the progress on stderr by ``display`` unless ``quiet``.

    Returns:
        The records of all planned cells, in their order.
    """
    listener = None if quiet else _display(planned, options, artifacts, display)
    with listener or nullcontext():
        return execute(planned, options, artifacts, listener or Listener())


def _display(
    planned: Sequence[PlannedCell],
    options: RunOptions,
    artifacts: Artifacts,
    display: type[Display] | type[NotebookDisplay],
) -> Display | NotebookDisplay | None:
    """Log what will be computed and how long it takes, and return the progress display if there is work to do."""
    jobs = unfinished(planned)
    groups = [[job.cell for job in group] for group in jobs]
    known = timings_of(each.record for each in planned if each.record)
    need = estimate(groups, artifacts, known, options.jobs or 1)
    shared, short = divided_labels(list(need.by_cell))
    for sentence in opening(len(planned), need, shared):
        logger.info("%s", sentence)
    ids = {job.cell: job.cell_id for job in itertools.chain.from_iterable(jobs)}
    names = {ids[cell]: name for cell, name in short.items()}
    seconds = {ids[cell]: each for cell, each in need.by_cell.items()}
    training = {ids[cell]: each for cell, each in need.training.items()}
    return display(names, Countdown(need.seconds, seconds, training)) if names else None
