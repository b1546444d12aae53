"""How far reported figures are from those of a new run, and whether those of several cells favor the author."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from ..leaderboard.records import Row

TINY = 1e-9
"""Larger than errors of arithmetic."""
LARGEST_LEAN = 0.86
"""As a share of the room. If that is three standard errors, this is 2.58 of them, which chance exceeds in 1 of 200."""
PRIVACY = ("psnr_db", "ssim", "identified")
"""Columns that favor a defense if they are low."""
USEFULNESS = ("accuracy", "agreement")
"""Columns that favor a defense if they are high."""


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


def favor(deviations: Mapping[str, Deviation]) -> tuple[float, float]:
    """Return how much of their room the deviations of a cell use in favor of its defense: in privacy and in utility."""
    privacy = -fmean(deviations[name].lean for name in PRIVACY)
    return privacy, fmean(deviations[name].lean for name in USEFULNESS)


def lean_of(cells: Iterable[tuple[Row, Mapping[str, Deviation]]]) -> float:
    """Return how much the deviations of several cells together favor their author.

    More than ``LARGEST_LEAN`` is not chance.

    Deviations of cells of one network that was trained to other weights may have one cause, so they are averaged.
    Others are independent: their sum grows with the root of their number if they are chance, and with their number if
    not.

    Args:
        cells: The reported row of each cell, and its deviations.

    Returns:
        The largest lean of the privacy, the utility and both together. 0 for less than two cells.

    Example:
        >>> lean_of([])
        0.0
    """
    causes: dict[tuple[str, str, int, str], list[tuple[float, float]]] = defaultdict(list)
    for row, deviations in cells:
        same = not deviations["accuracy_undefended"].changed
        causes[row.dataset, row.model, row.seed, row.cell_id if same else ""].append(favor(deviations))
    if sum(map(len, causes.values())) < 2:
        return 0.0
    means = [tuple(fmean(part) for part in zip(*found, strict=True)) for found in causes.values()]
    privacy, utility = (sum(part) / math.sqrt(len(means)) for part in zip(*means, strict=True))
    return max(privacy, utility, (privacy + utility) / math.sqrt(2))
