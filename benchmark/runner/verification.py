"""Verify reported results: compute a sample of their cells again and compare the scores."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..errors import UsageError, message_of
from ..evaluation.artifacts import Artifacts
from ..evaluation.perceptual import ASKED, PerceptualMeasures
from ..leaderboard.records import Row
from ..leaderboard.verdicts import Outcome
from ..plan.cells import Cell
from ..plan.local_inputs import is_local, local_inputs
from ..plan.references import REFERENCE_ATTACK
from .options import RunOptions
from .rerun_comparison import difference
from .resume import PlannedCell, prepare_cells
from .shown_run import compute

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """State whether a reported cell was reproduced.

    Attributes:
        row: The reported row.
        outcome: ``verified``, ``differs``, or ``not re-run``.
        reason: Why it differs or was not computed again.

    Example: See ``verify``.
    """

    row: Row
    outcome: Outcome
    reason: str = ""


def verify(rows: Sequence[Row], options: RunOptions, *, cells: int, seed: int | None = None) -> list[Verdict]:
    """Compute a random sample of reported cells again and compare all columns but times.

    A reported mean must lie within the 95 % interval that the new run has, and what is counted or promised must be
    equal. Cells that name a file or code of another
    machine, or an object of a Python session, are never computed, nor are those whose components are not installed. The
    sample holds the former only if there are no others.

    Args:
        rows: The reported rows.
        options: Where and how to compute. Records are written to ``options.out``.
        cells: The number of cells to compute.
        seed: The seed of the sample. None takes one that nobody can predict.

    Returns:
        One verdict for each sampled cell.

    Example:
        >>> verify([], RunOptions(out="again"), cells=3)
        []
    """
    chooser: random.Random = random.SystemRandom() if seed is None else random.Random(seed)
    done = [row for row in rows if row.status == "done"]
    others = [row for row in done if not is_local(row.model_dump())] or done
    candidates = [row for row in others if row.attack != REFERENCE_ATTACK] or others
    sample = chooser.sample(candidates, min(cells, len(candidates)))
    artifacts = Artifacts(device=options.torch_device, data_dir=options.data_dir)
    verdicts = []
    for number, row in enumerate(sample, 1):
        logger.info("Computing cell %d of %d again: %s on %s.", number, len(sample), row.attack, row.defense)
        verdicts.append(_verdict(row, options, artifacts))
    return verdicts


def _verdict(row: Row, options: RunOptions, artifacts: Artifacts) -> Verdict:
    try:
        planned = _planned(row, options, artifacts)
    except UsageError as error:
        return Verdict(row, "not re-run", message_of(error))
    (again,) = compute([planned], options, artifacts, quiet=True)
    if again.row.status != "done":
        return Verdict(row, "differs", f"The cell is {again.row.status} here: {again.row.reason}")
    found = difference(row, again)
    return Verdict(row, "differs" if found else "verified", found)


def _planned(row: Row, options: RunOptions, artifacts: Artifacts) -> PlannedCell:
    columns = row.model_dump()
    if named := local_inputs(columns):
        raise UsageError(f"It names a file, code or an object of another machine: {named[0]}. Verify it there.")
    measures = _available(name for name in ASKED if columns[name] is not None)
    options = options.model_copy(update={"perceptual": measures})
    (planned,) = prepare_cells([Cell.of(columns)], options, artifacts)
    if planned.cell_id != row.cell_id:
        raise UsageError(
            f"Its identity is {row.cell_id}, but the installed versions and the data of this machine give "
            f"{planned.cell_id}. Use the versions and the data of its author."
        )
    return planned


def _available(names: Iterable[str]) -> tuple[str, ...]:
    """Return the perceptual measures that can be computed here."""
    found = []
    for name in names:
        with suppress(UsageError):
            found += PerceptualMeasures.of([name]).specs
    return tuple(found)
