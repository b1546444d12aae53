"""Parse conditions under which a comparison fails, such as ``psnr_db > +0.5``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..registry import suggestion

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
CELL_COUNTS = ("missing", "added", "changed")
"""Conditions on the number of cells instead of the value of a column."""
CONDITION_FORM = "COLUMN OP NUMBER, with OP one of >, >=, <, <=, and a signed NUMBER for a change from A to B"
"""The form of a condition, for messages."""

_PATTERN = re.compile(r"\s*(\w+)\s*(>=|<=|>|<)\s*([+-]?)(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)\s*")


@dataclass(frozen=True)
class Condition:
    """A limit on a column, or on a count of cells.

    Attributes:
        text: The condition as the user wrote it.
        column: A column of the leaderboard, or one of ``CELL_COUNTS``.
        is_change: Whether the condition is about the change from A to B, or else about the value in B.
        sign: One of the ``OPERATORS``.
        limit: The number to compare with.

    Example:
        >>> Condition("psnr_db > +0.5", "psnr_db", True, ">", 0.5).met(0.7)
        True
    """

    text: str
    column: str
    is_change: bool
    sign: str
    limit: float

    def met(self, value: float) -> bool:
        """Return whether a value, or a change, meets the condition."""
        return OPERATORS[self.sign](value, self.limit)


def parse_condition(text: str, columns: Sequence[str]) -> Condition:
    """Parse a condition.

    Args:
        text: A condition such as ``psnr_db > +0.5`` (B exceeds A by more than 0.5), ``accuracy < 0.9`` (the value in B)
            or ``missing > 0``.
        columns: The columns of numbers.

    Raises:
        UsageError: If the text is not a condition, or its column does not hold numbers.

    Example:
        >>> parse_condition("accuracy < -0.01", ["accuracy"]).is_change
        True
    """
    found = _PATTERN.fullmatch(text)
    if not found:
        raise UsageError(f"Expected {CONDITION_FORM}, got --fail-if {text!r}. Write it as in 'psnr_db > +0.5'.")
    column, sign, plus_or_minus, digits = found.groups()
    known = [*columns, *CELL_COUNTS]
    if column not in known:
        raise UsageError(
            f"Expected a column of numbers in --fail-if {text!r}, got {column!r}{suggestion(column, known)} "
            f"Available: {', '.join(known)}."
        )
    if column in CELL_COUNTS and plus_or_minus:
        raise UsageError(f"Expected a number without a sign for {column!r}, got --fail-if {text!r}. It counts cells.")
    return Condition(text, column, bool(plus_or_minus), sign, float(plus_or_minus + digits))
