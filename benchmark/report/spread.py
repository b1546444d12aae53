"""How sure the figures of a setting are: over images, over the images classified, over seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

import torch

from ..leaderboard import Record, Row
from ..metrics import RANGES, interval
from ..worst_case import best_of_each, worst_scores

MEASURES = ("psnr_db", "ssim")
"""What attacks recover: the higher, the less private."""
Z = 1.959964
"""The 97.5 % quantile of the normal distribution."""


def known(value: Any) -> Any:
    """None for what is not known or not a number that JSON can say."""
    if value is None or value != value or value in (math.inf, -math.inf):
        return None
    return value.item() if hasattr(value, "item") else value


def leak_ranges(done: Sequence[Row], records: Mapping[str, Record]) -> dict[str, tuple[float, float]]:
    """95 % intervals of the worst case: over images, or else those of each seed's strongest attack, averaged."""
    found: dict[str, tuple[float, float]] = {}
    sources = next((records[row.cell_id].per_image.sources for row in done if row.cell_id in records), [])
    if all(row.cell_id in records for row in done):
        for name, best in zip(MEASURES, best_of_each(done, records), strict=True):
            by_image: dict[int, list[float]] = defaultdict(list)
            for (_, image), value in best.items():
                by_image[image].append(value)
            low, high = interval(
                torch.tensor([mean(values) for values in by_image.values()]),
                sources=sources or None,
                within=RANGES[name],
            )
            if low is not None and high is not None:
                found[name] = low, high
        return found
    for name in MEASURES:
        scored = [row for row in done if known(getattr(row, name)) is not None]
        strongest = [max(rows, key=lambda row: getattr(row, name)) for rows in _by_seed(scored).values()]
        lows, highs = ([known(getattr(row, f"{name}_{end}")) for row in strongest] for end in ("low", "high"))
        if strongest and None not in (*lows, *highs):
            found[name] = mean(lows), mean(highs)
    return found


def wilson(done: Sequence[Row]) -> dict[str, tuple[float, float]]:
    """Wilson's 95 % interval of the accuracy, from the number of images that it was measured on.

    Source: Wilson, JASA 22 (1927) 209, as in Brown, Cai, DasGupta, Statistical Science 16 (2001) 101, equation 4.
    """
    measured = [(row.accuracy, row.accuracy_images) for row in done if row.accuracy is not None and row.accuracy_images]
    if not measured:
        return {}
    share, images = mean(accuracy for accuracy, _ in measured), min(count for _, count in measured)
    center = (share + Z**2 / (2 * images)) / (1 + Z**2 / images)
    half = Z / (1 + Z**2 / images) * math.sqrt(share * (1 - share) / images + Z**2 / (4 * images**2))
    return {"accuracy": (center - half, center + half)}


def _by_seed(rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.seed].append(row)
    return found


def over_seeds(done: Sequence[Row], records: Mapping[str, Record]) -> dict[str, tuple[float, float]]:
    """The lowest and the highest value over the seeds, by measure; nothing for one seed."""
    by_seed = _by_seed(done)
    if len(by_seed) < 2:
        return {}
    worst = [worst_scores(rows, records) for rows in by_seed.values()]
    measures: dict[str, list[float]] = {
        "psnr_db": [psnr for psnr, _, _ in worst],
        "ssim": [ssim for _, ssim, _ in worst],
        "accuracy": [row.accuracy for (row, *_) in by_seed.values() if row.accuracy is not None],
    }
    return {name: (min(values), max(values)) for name, values in measures.items() if values}
