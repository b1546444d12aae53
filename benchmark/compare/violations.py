"""Find the cells of a comparison that meet a condition."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UsageError
from ..utils.plurals import count_of
from .cell_names import title
from .conditions import CELL_COUNTS, Condition
from .differences import MEANT_BY, Difference


def violations(condition: Condition, differences: Sequence[Difference]) -> list[str]:
    """Return one clause for each cell that meets a condition.

    Conditions on changes apply to the cells of both boards, conditions on values to all cells of B. A cell with a value
    in A but none in B, such as a failed one, meets every condition: what cannot be checked does not pass. So does a
    change between values that are not comparable.

    Raises:
        UsageError: If no cell allows the condition to be checked.
    """
    if condition.column in CELL_COUNTS:
        count = sum(each.state == condition.column for each in differences)
        return [f"{condition.text} ({count_of(count, 'cell')})"] if condition.met(count) else []
    found, checked = [], 0
    for each in differences:
        change = each.changes[condition.column]
        value = change.delta if condition.is_change else change.after
        if each.b is None or (value is None and (each.a is None or change.before is None)):
            continue
        checked += 1
        where = f"{condition.text} in {title(each)}"
        if value is None and change.after is not None:
            other = f"of another {MEANT_BY[condition.column]}"
            found.append(f"{where} ({change.before:g} in A, {change.after:g} {other} in B)")
        elif value is None:
            found.append(f"{where} ({change.before:g} in A, no value in B)")
        elif condition.met(value):
            moved = f"{change.before:g} in A, " if change.before is not None else ""
            found.append(f"{where} ({moved}{change.after:g} in B)")
    if not checked:
        where = "of both boards has a value in A" if condition.is_change else "of B has a value"
        raise UsageError(
            f"Expected a condition that can be checked for --fail-if, got {condition.text!r}, but no cell {where}. "
            "Name another column."
        )
    return found
