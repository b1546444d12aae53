"""Conditions under which a comparison fails: ``psnr_db > +0.5``."""

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
COUNTS = ("missing", "added", "changed")
"""Words of a condition that count cells instead of looking at each."""
GRAMMAR = "COLUMN OP NUMBER, where OP is >, >=, < or <=, and a NUMBER with a sign is a change from A to B"

_PATTERN = re.compile(r"\s*(\w+)\s*(>=|<=|>|<)\s*([+-]?)(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)\s*")


@dataclass(frozen=True)
class Condition:
    """A limit on a column, or on a count of cells.

    Attributes:
        text: as the user wrote it.
        column: of the leaderboard, or one of ``COUNTS``.
        is_change: whether it looks at the change from A to B; if not, at the value in B.
    """

    text: str
    column: str
    is_change: bool
    sign: str
    limit: float

    def met(self, value: float) -> bool:
        """Whether a value, or a change, is beyond the limit."""
        return OPERATORS[self.sign](value, self.limit)


def parse_condition(text: str, columns: Sequence[str]) -> Condition:
    """Read a condition.

    Args:
        text: as ``psnr_db > +0.5`` (B above A by more than 0.5), ``accuracy < 0.9`` (B's value) or ``missing > 0``.
        columns: those of numbers.

    Raises:
        UsageError: if it is not written so, or no such column holds numbers.
    """
    found = _PATTERN.fullmatch(text)
    if not found:
        raise UsageError(f"--fail-if is {text!r}; expected {GRAMMAR}, as in 'psnr_db > +0.5' or 'accuracy < 0.9'")
    column, sign, plus_or_minus, digits = found.groups()
    known = [*columns, *COUNTS]
    if column not in known:
        raise UsageError(
            f"Expected a numeric column in --fail-if {text!r}, got {column!r}{suggestion(column, known)} "
            f"Available: {', '.join(known)}."
        )
    if column in COUNTS and plus_or_minus:
        raise UsageError(f"--fail-if {text!r} has a sign, but {column!r} is a count of cells, as in '{column} > 0'")
    return Condition(text, column, bool(plus_or_minus), sign, float(plus_or_minus + digits))
