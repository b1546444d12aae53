"""Reconcile two versions of one cell: where they contradict each other, and what one has beyond the other."""

from __future__ import annotations

import math

from .records import COLUMNS, NAMES, PERCEPTUAL, SCORES, Record, Row, same_score


def disagreement(row: Row, other: Row) -> str | None:
    """Return the column in which two rows of one cell contradict each other; None if there is none.

    A cell may have been computed twice, or may have failed before it was done. Then only its scores and the columns
    that identify it must agree. Rows that were finished at the same time agree in all columns.
    """
    if row == other:
        return None
    same_moment = row.finished_at == other.finished_at
    both_done = row.status == other.status == "done"
    for name in COLUMNS:
        one, two = getattr(row, name), getattr(other, name)
        if name in (*SCORES, "accuracy", "accuracy_undefended", "utility", "agreement"):
            if both_done and not _same(one, two):
                return name
        elif name in PERCEPTUAL:
            if both_done and None not in (one, two) and not _same(one, two):
                return name
        elif (same_moment or name in NAMES) and one != two and not _close(one, two):
            return name
    return None


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


def _close(one: object, two: object) -> bool:
    """Return whether two numbers are equal up to the digits that other programs drop when they write them."""
    return isinstance(one, float) and isinstance(two, float) and math.isclose(one, two, rel_tol=1e-9)
