"""Estimate scores and utility of a ranked defense, with confidence intervals."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, mean

from ..metrics.intervals import NORMAL_QUANTILE, interval
from ..metrics.pareto import Estimate
from ..metrics.scales import RANGES
from .completeness import is_number
from .records import Record, Row
from .worst_case import best_of_each, by_seed, has_image_scores

MEASURES = ("psnr_db", "ssim")
"""Scores of the attacks: the higher, the less private."""


def leak_estimates(scored: Sequence[Row], records: Mapping[str, Record], *, complete: bool) -> dict[str, Estimate]:
    """Estimate by measure what the attacks recover from one defense, with 95 % intervals over images.

    With records, this is the worst case over the attacks image by image; without, the strongest attack of each seed,
    averaged over seeds.

    Args:
        scored: Finished rows of the defense.
        records: Available records by cell.
        complete: Whether each attack ran at each seed. If not, the seed at which most is recovered counts.
    """
    seeds = [*by_seed(scored).values()]
    if scored and all(has_image_scores(row, records) for row in scored):
        best = [best_of_each(rows, records) for rows in seeds]
        sources = records[scored[0].cell_id].per_image.sources
        return {
            name: _per_image(name, [each[which] for each in best], sources, complete=complete)
            for which, name in enumerate(MEASURES)
        }
    return {name: _of_means(name, seeds, complete) for name in MEASURES if scored}


def _per_image(name: str, seeds: Sequence[Mapping[int, float]], sources: Sequence[int], *, complete: bool) -> Estimate:
    if not complete:
        seeds = [max(seeds, key=lambda values: fmean(values.values()))]
    images = {image: fmean(values[image] for values in seeds) for image in seeds[0]}
    low, high = interval([*images.values()], sources=sources or None, within=RANGES[name])
    return Estimate(fmean(images.values()), low, high, images, sources)


def _of_means(name: str, seeds: Sequence[Sequence[Row]], complete: bool) -> Estimate:
    strongest = [max(rows, key=lambda row: getattr(row, name)) for rows in seeds]
    if not complete:
        strongest = [max(strongest, key=lambda row: getattr(row, name))]
    ends = [[getattr(row, f"{name}_{end}") for row in strongest] for end in ("low", "high")]
    value = mean(getattr(row, name) for row in strongest)
    if not all(map(is_number, [*ends[0], *ends[1]])):
        return Estimate(value)
    return Estimate(value, mean(ends[0]), mean(ends[1]))


def accuracy_estimate(scored: Sequence[Row]) -> Estimate | None:
    """Estimate the accuracy of a defense with Wilson's 95 % interval, from the number of classified images."""
    return _share_estimate(scored, lambda row: row.accuracy)


def _share_estimate(scored: Sequence[Row], share_of: Callable[[Row], float | None]) -> Estimate | None:
    """Estimate a share of the test images, with Wilson's 95 % interval.

    Source: Wilson, JASA 22 (1927) 209, as in Brown, Cai, DasGupta, Statistical Science 16 (2001) 101, equation 4.
    scipy has this interval for integer counts only, and the mean over several seeds is not one.
    """
    share = over_seeds(scored, share_of)
    if share is None:
        return None
    counts = [row.accuracy_images for row in scored if is_number(share_of(row)) and row.accuracy_images]
    if not counts or not 0 <= share <= 1:
        return Estimate(share)
    images, z = min(counts), NORMAL_QUANTILE
    center = (share + z**2 / (2 * images)) / (1 + z**2 / images)
    half = z / (1 + z**2 / images) * math.sqrt(share * (1 - share) / images + z**2 / (4 * images**2))
    return Estimate(share, min(share, center - half), max(share, center + half))


def utility_estimate(scored: Sequence[Row], records: Mapping[str, Record]) -> Estimate | None:
    """Estimate the utility of a defense with a 95 % interval; without one where records lack its standard error.

    The agreement of outputs that are not classes is not a share of images; its interval is an approximation.

    Args:
        scored: Finished rows of the defense.
        records: Available records by cell, with the standard error of R2 and of the mean average precision.
    """
    found = accuracy_estimate(scored)
    if found is None and any(row.utility_metric == "agreement" for row in scored):
        found = _share_estimate(scored, lambda row: row.utility)
    if found is None and (value := over_seeds(scored, lambda row: row.utility)) is not None:
        error = over_seeds(scored, lambda row: _utility_error(records.get(row.cell_id)))
        if error is None:
            return Estimate(value)
        return Estimate(value, value - NORMAL_QUANTILE * error, min(1.0, value + NORMAL_QUANTILE * error))
    return found


def _utility_error(record: Record | None) -> float | None:
    """Return the standard error of the utility over test images, which all seeds share."""
    return None if record is None else record.details.get("utility_error")


def over_seeds(rows: Iterable[Row], figure: Callable[[Row], float | None]) -> float | None:
    """Return the mean over seeds of a value that all cells of one seed share, however many cells a seed has."""
    values: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        value = figure(row)
        if value is not None and math.isfinite(value):
            values[row.seed].append(value)
    return mean(map(mean, values.values())) if values else None
