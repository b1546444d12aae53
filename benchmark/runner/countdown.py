"""How long a run still takes: an estimate from the first second, corrected by what the finished cells took."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import mean

PRIOR_SHARE = 0.1
"""The estimate counts as much as this share of all cells, once they are measured."""


RUNNING_SHARE = 0.9
"""Share of the running cells that counts as done at most, however long they take."""


class Countdown:
    """Counts down the seconds that are left.

    Example:
        >>> countdown = Countdown(60.0, {"ridge": 30.0, "auto": 30.0}, clock=lambda: 0.0)
        >>> countdown.left()
        60.0
    """

    def __init__(
        self,
        seconds: float,
        by_cell: Mapping[str, float | None],
        training: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start to count.

        Args:
            seconds: Expected wall time of the whole run.
            by_cell: Expected seconds of each cell, by its id; None counts as their mean.
            training: Further seconds of those cells that train a target before they begin.
            clock: Gives the time in seconds.
        """
        usual = mean([each for each in by_cell.values() if each] or [1.0])
        self._weights = {
            cell_id: (usual if each is None else max(each, 1e-3)) + (training or {}).get(cell_id, 0.0)
            for cell_id, each in by_cell.items()
        }
        self._total, self._seconds = sum(self._weights.values()) or 1.0, seconds
        self._clock, self._start = clock, clock()
        self._done, self._last = 0.0, self._start
        self._running: set[str] = set()

    def started(self, cell_id: str) -> None:
        """Take note that a cell begins."""
        self._running.add(cell_id)

    def finished(self, cell_id: str) -> None:
        """Take note that a cell is finished."""
        self._running.discard(cell_id)
        self._done, self._last = self._done + self._weights.pop(cell_id, 0.0), self._clock()

    def left(self) -> float:
        """Return the seconds that are left."""
        prior = PRIOR_SHARE * self._total
        elapsed = self._last - self._start
        rate = (prior * self._seconds / self._total + elapsed) / (prior + self._done)
        running = sum(self._weights.get(cell_id, 0.0) for cell_id in self._running)
        passed = min(self._clock() - self._last, RUNNING_SHARE * rate * running)
        return max(0.0, rate * (self._total - self._done) - passed)
