"""Verify reported results: compute a sample of their cells again and compare the scores."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ..errors import UsageError, message_of
from ..evaluation.artifacts import Artifacts
from ..evaluation.perceptual import ASKED, PerceptualMeasures
from ..leaderboard.records import Record, Row
from ..leaderboard.verdicts import Outcome
from ..plan.cells import Cell
from ..plan.local_inputs import is_local, local_inputs
from ..plan.references import REFERENCE_ATTACK
from ..utils.plurals import count_of
from .deviations import LARGEST_LEAN, favor, lean_of
from .options import RunOptions
from .rerun_comparison import Comparison, compare
from .resume import PlannedCell, prepare_cells
from .shown_run import compute

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """State whether a reported cell was reproduced.

    Attributes:
        row: The reported row.
        outcome: ``verified``, ``differs``, or ``not re-run``.
        reason: Why it differs or was not computed again, or that it was reproduced with another network.
        comparison: How it compares with the new run; None if there is none.

    Example: See ``verify``.
    """

    row: Row
    outcome: Outcome
    reason: str = ""
    comparison: Comparison | None = None


def verify(records: Iterable[Record], options: RunOptions, *, cells: int, seed: int | None = None) -> list[Verdict]:
    """Compute a random sample of reported cells again and compare all columns but times.

    Each image is compared with the same image, see ``rerun_comparison``, and all cells together must not favor their
    author, see ``deviations``. Cells that name a file or code of another machine, or an object of a Python session, are
    never computed, nor are those whose components are not installed. The sample holds the former only if there are no
    others.

    Args:
        records: The reported records.
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
    done = [record for record in records if record.row.status == "done"]
    others = [record for record in done if not is_local(record.row.model_dump())] or done
    candidates = [record for record in others if record.row.attack != REFERENCE_ATTACK] or others
    sample = chooser.sample(candidates, min(cells, len(candidates)))
    artifacts = Artifacts(device=options.torch_device, data_dir=options.data_dir)
    verdicts = []
    for number, record in enumerate(sample, 1):
        row = record.row
        logger.info("Computing cell %d of %d again: %s on %s.", number, len(sample), row.attack, row.defense)
        verdicts.append(_verdict(record, options, artifacts))
    return judge_together(verdicts)


def judge_together(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts, where those that favor their author differ if all together do so by more than chance."""
    compared = [
        (each.row, each.comparison.deviations) for each in verdicts if each.comparison and each.comparison.deviations
    ]
    lean = lean_of(compared)
    if lean <= LARGEST_LEAN:
        return list(verdicts)
    reason = (
        f"The deviations of {count_of(len(compared), 'sampled cell')} favor the author. Together they use {lean:.2f} "
        f"of the room that chance has. Expected at most {LARGEST_LEAN:g}."
    )
    return [
        replace(each, outcome="differs", reason=reason)
        if each.outcome == "verified" and each.comparison and sum(favor(each.comparison.deviations)) > 0
        else each
        for each in verdicts
    ]


def _verdict(record: Record, options: RunOptions, artifacts: Artifacts) -> Verdict:
    row = record.row
    try:
        planned = _planned(row, options, artifacts)
    except UsageError as error:
        return Verdict(row, "not re-run", message_of(error))
    (again,) = compute([planned], options, artifacts, quiet=True)
    if again.row.status != "done":
        return Verdict(row, "differs", f"The cell is {again.row.status} here: {again.row.reason}")
    found = compare(record, again)
    if found.difference:
        return Verdict(row, "differs", found.difference, found)
    return Verdict(row, "verified", "" if found.same_network else _within_chance(found), found)


def _within_chance(found: Comparison) -> str:
    return (
        "It agrees within chance, as the network here was trained to other weights, or its wires are random. The PSNR "
        f"of single images differs by up to {found.largest_change_db:.2f} dB."
    )


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
