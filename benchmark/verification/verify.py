"""Verify reported results: compute a sample of their cells again and compare the scores."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import itemgetter

from ..errors import UsageError, message_of
from ..evaluation.artifacts import Artifacts
from ..evaluation.perceptual import ASKED, PerceptualMeasures
from ..leaderboard.completeness import defense_of, scenario_of
from ..leaderboard.records import Record, Row
from ..leaderboard.verdicts import Outcome
from ..plan.cells import Cell
from ..plan.local_inputs import is_local, local_inputs
from ..plan.references import REFERENCE_ATTACK
from ..runner.options import RunOptions
from ..runner.resume import PlannedCell, prepare_cells
from ..runner.shown_run import compute
from ..utils.plurals import count_of
from .comparison import Comparison, compare
from .lean import LARGEST_LEAN, favor, lean_of
from .same_network import tells_networks_apart

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """State whether a reported cell was reproduced.

    Attributes:
        row: The reported row.
        outcome: ``verified`` if all figures agree up to rounding, ``within chance`` if those of another network would
            differ as much, ``differs``, or ``not re-run``.
        reason: Why it differs, was not computed again, or agrees within chance only.
        comparison: How it compares with the new run; None if there is none.

    Example: See ``verify``.
    """

    row: Row
    outcome: Outcome
    reason: str = ""
    comparison: Comparison | None = None


def verify(records: Iterable[Record], options: RunOptions, *, cells: int, seed: int | None = None) -> list[Verdict]:
    """Compute a random sample of reported cells again and compare all columns but times.

    Each image is compared with the same image, see ``comparison``. If a cell shows that a network is the same one
    here, all its cells must agree up to rounding. All cells together must not favor their author, see ``lean``.
    Each defense is sampled before one is sampled twice, and cells of ``mean_image`` last. Cells that name a file or
    code of another machine, or an object of a Python session, are never computed, nor are those whose components are
    not installed. The sample holds the former only if there are no others.

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
    sample = choose(others, cells, chooser)
    artifacts = Artifacts(device=options.torch_device, data_dir=options.data_dir)
    reruns: list[tuple[Record, Verdict | Record]] = []
    for number, record in enumerate(sample, 1):
        row = record.row
        logger.info("Computing cell %d of %d again: %s on %s.", number, len(sample), row.attack, row.defense)
        reruns.append((record, _rerun(record.row, options, artifacts)))
    known = {_network(record.row) for record, again in reruns if isinstance(again, Record) and _proves(record, again)}
    return judge_together(
        [
            again if isinstance(again, Verdict) else _verdict(record, again, same_network=_network(record.row) in known)
            for record, again in reruns
        ]
    )


def choose(records: Sequence[Record], count: int, chooser: random.Random) -> list[Record]:
    """Choose cells at random: one of each defense of a scenario, then a second one of each, and so on.

    Cells of the attack that ignores the wire are chosen last.
    """
    turns: Counter[Hashable] = Counter()
    ordered: list[tuple[tuple[bool, int], Record]] = []
    for record in chooser.sample(records, len(records)):
        ignores_wire = record.row.attack == REFERENCE_ATTACK
        line = ignores_wire, scenario_of(record.row), defense_of(record.row)
        ordered.append(((ignores_wire, turns[line]), record))
        turns[line] += 1
    return [record for _, record in sorted(ordered, key=itemgetter(0))][:count]


def _network(row: Row) -> Hashable:
    """Return what the trained network of a row is known by: that of another machine has another accuracy."""
    return row.dataset, row.model, row.seed, row.accuracy_undefended


def _proves(record: Record, again: Record) -> bool:
    """Return whether a cell shows that the network of its author is that of this machine."""
    alike = record.row.accuracy_undefended == again.row.accuracy_undefended
    found = compare(record, again)
    return alike and found.exact and not found.difference and tells_networks_apart(again.row)


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
        if each.outcome in ("verified", "within chance")
        and each.comparison
        and sum(favor(each.comparison.deviations)) > 0
        else each
        for each in verdicts
    ]


def _rerun(row: Row, options: RunOptions, artifacts: Artifacts) -> Verdict | Record:
    """Compute a cell again. Return its record, or the verdict if it has none."""
    try:
        planned = _planned(row, options, artifacts)
    except UsageError as error:
        return Verdict(row, "not re-run", message_of(error))
    (again,) = compute([planned], options, artifacts, quiet=True)
    if again.row.status != "done":
        return Verdict(row, "differs", f"The cell is {again.row.status} here: {again.row.reason}")
    return again


def _verdict(record: Record, again: Record, *, same_network: bool) -> Verdict:
    found = compare(record, again, same_network=same_network)
    if found.difference:
        return Verdict(record.row, "differs", found.difference, found)
    if found.exact:
        return Verdict(record.row, "verified", comparison=found)
    return Verdict(record.row, "within chance", _within_chance(found), found)


def _within_chance(found: Comparison) -> str:
    cause = "an attack amplifies rounding" if found.same_network else "the network here was trained to other weights"
    return (
        f"It agrees within chance, as {cause}, or its wires are random. The PSNR of single images differs by up to "
        f"{found.largest_change_db:.2f} dB."
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
