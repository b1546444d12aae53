"""Compute the intervals and ranges of a setting: over attacked images, over classified images, over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..leaderboard.ranking_uncertainty import leak_estimates, over_seeds, utility_estimate
from ..leaderboard.records import Record, Row
from ..leaderboard.worst_case import by_seed, worst_scores
from ..metrics.pareto import Estimate


def known(value: Any) -> Any:
    """Return a value that JSON can represent; None if it is unknown or not finite."""
    if value is None or value != value or value in (math.inf, -math.inf):
        return None
    return value.item() if hasattr(value, "item") else value


def ranges(scored: Sequence[Row], records: Mapping[str, Record], *, complete: bool) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals by measure: of what is recovered from the attacked images, and of an accuracy."""
    found = {**leak_estimates(scored, records, complete=complete), "utility": utility_estimate(scored, records)}
    return {name: (each.low, each.high) for name, each in found.items() if each and _has_interval(each)}


def _has_interval(estimate: Estimate) -> bool:
    return None not in (estimate.low, estimate.high) and estimate.low != estimate.high


def seed_span(scored: Sequence[Row], records: Mapping[str, Record]) -> dict[str, tuple[float, float]]:
    """Return the lowest and the highest value over the seeds by measure; nothing for a single seed."""
    seeds = by_seed(scored)
    if len(seeds) < 2:
        return {}
    worst = [worst_scores(rows, records) for rows in seeds.values()]
    utilities = [over_seeds(rows, lambda row: row.utility) for rows in seeds.values()]
    measures: dict[str, list[float]] = {
        "psnr_db": [psnr for psnr, _, _ in worst],
        "ssim": [ssim for _, ssim, _ in worst],
        "utility": [value for value in utilities if value is not None],
    }
    return {name: (min(values), max(values)) for name, values in measures.items() if values}
