"""How far a reported figure is from that of a new run."""

from __future__ import annotations

import math
from dataclasses import dataclass

TINY = 1e-9
"""Larger than errors of arithmetic."""


@dataclass(frozen=True)
class Deviation:
    """State how far a reported figure is from that of the new run.

    Attributes:
        column: The column.
        stated: The reported figure; None if there was none.
        again: The figure of the new run; None if there was none.
        rounding: How far they may differ in any case.
        room: How far they may differ at most. It is larger where images scatter around equal means.

    Example:
        >>> Deviation("psnr_db", 19.93, 20.0, rounding=0.02, room=0.12).lean
        -0.5
    """

    column: str
    stated: float | None
    again: float | None
    rounding: float
    room: float

    @property
    def changed(self) -> bool:
        """Whether the figures differ."""
        return self._by_more_than(0.0)

    @property
    def beyond_rounding(self) -> bool:
        """Whether the figures differ by more than rounding."""
        return self._by_more_than(self.rounding)

    @property
    def differs(self) -> bool:
        """Whether the figures differ by more than chance."""
        return self._by_more_than(self.room)

    def _by_more_than(self, limit: float) -> bool:
        if self.stated is None or self.again is None:
            return self.stated is not self.again
        return abs(self.stated - self.again) > limit + TINY

    @property
    def lean(self) -> float:
        """The used part of the room beyond rounding, at most 1: negative if the reported figure is the lower one."""
        if self.stated is None or self.again is None or self.room <= self.rounding:
            return 0.0
        change = self.stated - self.again
        beyond = max(abs(change) - self.rounding, 0.0) / (self.room - self.rounding)
        return round(math.copysign(min(beyond, 1.0), change), 6)

    @property
    def sentence(self) -> str:
        """What was expected."""
        if self.again is None:
            expected = "none"
        else:
            expected = f"from {self.again - self.room:.4g} to {self.again + self.room:.4g}"
        return f"Expected {self.column} {expected}, got {'none' if self.stated is None else f'{self.stated:.4g}'}."
