"""Whether the deviations of several cells together favor the author of a leaderboard."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean

from ..leaderboard.records import Row
from .deviation import Deviation

LARGEST_LEAN = 0.86
"""As a share of the room. If that is three standard errors, this is 2.58 of them, which chance exceeds in 1 of 200."""
PRIVACY = ("psnr_db", "ssim", "identified")
"""Columns that favor a defense if they are low."""
USEFULNESS = ("accuracy", "agreement")
"""Columns that favor a defense if they are high."""


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
