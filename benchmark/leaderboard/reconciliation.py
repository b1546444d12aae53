"""Reconcile two versions of one cell: where they contradict each other, and what one has beyond the other."""

from __future__ import annotations

import math

from .model_facts import RELATIVE_SLACK
from .records import COLUMNS, NAMES, PERCEPTUAL, SCORES, Record, Row, same_score

COMPUTED = (*SCORES, "accuracy", "accuracy_undefended", "utility", "agreement")
"""Columns that are equal up to rounding."""
OCCASIONAL = (
    *("client_ms", "server_ms", "attack_seconds", "status", "reason"),
    *("code_version", "plugin_version", "torch_version", "device", "finished_at"),
)
"""Columns in which a cell that is computed again differs."""
LATER = COLUMNS[COLUMNS.index("bound_psnr_db") + 1 :]
"""Columns that boards of an older schema lack."""
SLACK = {**RELATIVE_SLACK, "epsilon": 1e-4, "delta": 1e-4}
"""The largest relative difference of columns that are computed again: messages may be compressed or encrypted."""


def disagreement(row: Row, other: Row) -> str | None:
    """Return the column in which two rows of one cell contradict each other; None if there is none.

    A cell may have failed before it was done. Then only the columns that identify it must agree. If it was computed
    twice, all columns must agree but those of the occasion, such as times and devices. Rows that were finished at the
    same time agree in all columns.
    """
    if row == other:
        return None
    return next((name for name in COLUMNS if not _agree(name, row, other)), None)


def _agree(name: str, row: Row, other: Row) -> bool:
    one, two = getattr(row, name), getattr(other, name)
    both_done = row.status == other.status == "done"
    if name in COMPUTED:
        return not both_done or _same(one, two)
    if name in PERCEPTUAL:
        return not both_done or None in (one, two) or _same(one, two)
    if name in NAMES or row.finished_at == other.finished_at:
        return equal_when_written(one, two)
    return not both_done or name in OCCASIONAL or _recomputed(name, one, two)


def with_measures_of(row: Row, other: Row) -> Row:
    """Return a row with the perceptual measures of another one of the same cell that it lacks."""
    lacks = {name: getattr(other, name) for name in PERCEPTUAL if getattr(row, name) is None}
    gained = {name: value for name, value in lacks.items() if value is not None}
    return row.model_copy(update=gained) if gained else row


def completed(record: Record, other: Record) -> Record:
    """Return a finished record with what another one of the same cell has beyond it: measures, details and notes."""
    if record.row.status != "done" or other.row.status != "done":
        return record
    row, details = with_measures_of(record.row, other.row), other.details | record.details
    if row is record.row and len(details) == len(record.details):
        return record
    gained = [name for name in PERCEPTUAL if getattr(row, name) != getattr(record.row, name)]
    of_gained = {name: note for name, note in other.notes.items() if name.startswith(tuple(gained))}
    notes = {name: note for name, note in record.notes.items() if name not in gained}  # why they were empty
    return record.model_copy(update={"row": row, "details": details, "notes": of_gained | notes})


def _same(one: float | None, two: float | None) -> bool:
    return one == two or (one is not None and two is not None and same_score(one, two))


def _recomputed(name: str, one: object, two: object) -> bool:
    """Return whether two values of a column may be of one cell that was computed twice."""
    if one is None or two is None:
        return one is two or name in LATER
    if name in SLACK and isinstance(one, int | float) and isinstance(two, int | float):
        return math.isclose(one, two, rel_tol=SLACK[name])
    return one == two or (isinstance(one, float) and isinstance(two, float) and same_score(one, two))


def equal_when_written(one: object, two: object) -> bool:
    """Return whether two values are equal up to the digits of numbers that other programs drop when they write them."""
    return one == two or (isinstance(one, float) and isinstance(two, float) and math.isclose(one, two, rel_tol=1e-9))
