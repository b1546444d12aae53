"""Compare a reported row with a new run of its cell, column by column."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import cast

from ..evaluation.perceptual import ASKED
from ..leaderboard.model_facts import COUNTS, RELATIVE_SLACK, UTILITIES, UTILITY_SLACK
from ..leaderboard.records import COLUMNS, Record, Row
from ..metrics.intervals import interval, share_interval
from ..metrics.scales import PSNR_CEILING_DB, RECOGNISABLE_SSIM

Range = tuple[float, float]

FEW_IMAGES_SLACK = {"psnr_db": 0.5, "ssim": 0.02, "leak_r2": 0.05, "attack_gap_db": 0.5}
"""The largest difference of a score that has no interval, because there are too few images."""
ROUNDING = 1e-3
"""How far a score may be outside of its interval."""
SLACK = {"utility": 0.02, "agreement": 0.02, "attribute_gain": 0.05, "ms_ssim": 0.02, "lpips": 0.02}
"""The largest difference of scores up to 1 that have no interval."""
SLACK |= {"imagenet_distance": 0.02, "bound_psnr_db": 0.5, "bound_identified": 0.05}
# In the reference boards, bounds of networks that were trained anew differ by up to 0.35 dB and 0.004.
TRIVIAL_BOUND = {"bound_psnr_db": PSNR_CEILING_DB, "bound_identified": 1.0}
"""The bounds that say nothing, for which rows have no value."""
EXACT = ("access", "task", "utility_metric", "guarantee", "attack_version", "accuracy_images", *COUNTS)
"""Columns that are equal on all machines."""
IN_ALL_SCHEMAS = frozenset(COLUMNS[: COLUMNS.index("bound_psnr_db")])
"""Columns of all readable schemas. If one of them is empty, there was no value."""


def difference(stated: Row, again: Record) -> str:
    """Return in which columns a reported row differs from a new run by more than chance; empty if in none.

    Not compared are times, and the perceptual measures that the new run does not have.

    Args:
        stated: The reported row.
        again: The record of the new run of its cell, which is done.

    Example: See ``verify``.
    """
    faults = dict(_faults(stated, again))
    if not faults:
        return ""
    first, *others = faults
    return faults[first] + (f" Other columns that differ: {', '.join(others)}." if others else "")


def _faults(stated: Row, again: Record) -> Iterator[tuple[str, str]]:
    """Yield each column that differs, and how."""
    for name, allowed in _ranges(again, attribute=stated.attribute).items():
        reported: float | None = getattr(stated, name)
        if reported is None and name in TRIVIAL_BOUND:
            reported = TRIVIAL_BOUND[name]
        not_claimed = reported is None and name not in IN_ALL_SCHEMAS
        not_computed = allowed is None and name in ASKED
        if not (not_claimed or not_computed or _fits(reported, allowed)):
            yield name, f"Expected {name} {_words(allowed)}, got {'none' if reported is None else f'{reported:.4g}'}."
    for name in EXACT:
        claim, expected = getattr(stated, name), getattr(again.row, name)
        if claim != expected and (claim is not None or name in IN_ALL_SCHEMAS):
            yield name, f"Expected {name} {expected}, got {claim}."


def _fits(reported: float | None, allowed: Range | None) -> bool:
    if reported is None or allowed is None:
        return reported is allowed
    return allowed[0] <= reported <= allowed[1]


def _words(allowed: Range | None) -> str:
    return "none" if allowed is None else f"from {allowed[0]:.4g} to {allowed[1]:.4g}"


def _ranges(again: Record, *, attribute: str | None) -> dict[str, Range | None]:
    """Return the range of each number that the reported one may have; None where there is to be no number.

    Args:
        again: The new run.
        attribute: The attribute that was reported. Another one may be read as well, with another accuracy.
    """
    row = again.row
    ranges: dict[str, Range | None] = dict(_of_scores(again))
    for name in UTILITIES:
        value: float | None = getattr(row, name)
        is_share = row.task == "classification"
        share = _share(value, row.accuracy_images or 1, slack=UTILITY_SLACK)
        ranges[name] = share if is_share else _around(name, value)
    for name, relative in RELATIVE_SLACK.items():
        value = getattr(row, name)
        ranges[name] = None if value is None else (value * (1 - relative), value * (1 + relative))
    for name, trivial in TRIVIAL_BOUND.items():
        value = getattr(row, name)
        ranges[name] = _around(name, trivial if value is None else value)
    if attribute == row.attribute:
        ranges["attribute_accuracy"] = _of_details(again, "attribute_accuracy")
    ranges["attribute_gain"] = _of_details(again, "attribute_gain")
    return ranges | {name: _around(name, getattr(row, name)) for name in ("ms_ssim", *ASKED)}


def _of_scores(again: Record) -> Mapping[str, Range | None]:
    """Return the ranges of the scores of the reconstructions."""
    row, images = again.row, again.per_image
    sources = images.sources or None
    ranges: dict[str, Range | None] = {}
    for name in ("psnr_db", "ssim"):
        low, high = getattr(row, f"{name}_low"), getattr(row, f"{name}_high")
        if low is None or high is None:
            ranges[name] = _around(name, getattr(row, name))
        else:
            width = high - low + FEW_IMAGES_SLACK[name]
            ranges |= {name: (low, high), f"{name}_low": (low - width, high), f"{name}_high": (low, high + width)}
    recognised = [float(value >= RECOGNISABLE_SSIM) for value in images.ssim]
    over_sources = interval(recognised, sources=sources, within=(0, 1))
    by_count = cast(Range, _share(row.recognisable, row.n_images))
    ends = [*by_count, *(end for end in over_sources if end is not None)]
    ranges["recognisable"] = min(ends), max(ends)
    ranges["identified"] = _share(row.identified, row.n_images)
    errors = [10 ** (-value / 10) for value in images.psnr_db]
    mean, (low, high) = sum(errors) / len(errors), interval(errors, sources=sources, within=(0, 1))
    for name in ("leak_r2", "attack_gap_db"):
        value: float | None = getattr(row, name)
        if value is None or low is None or high is None:
            ranges[name] = _around(name, value)
        elif name == "leak_r2":
            ranges[name] = _wider(1 - (1 - value) * high / mean, 1 - (1 - value) * low / mean)
        else:
            ranges[name] = _wider(*(value + 10 * math.log10(max(end / mean, 1e-12)) for end in (low, high)))
    return ranges


def _share(value: float | None, count: int, *, slack: float = 0.0) -> Range | None:
    """Return the interval of a share of so many images, wider by ``slack``."""
    if value is None:
        return None
    low, high = _wider(*share_interval(min(round(value * count), count), count))
    return max(low - slack, 0), min(high + slack, 1)


def _around(name: str, value: float | None) -> Range | None:
    """Return the range of a value that has no interval."""
    slack = (FEW_IMAGES_SLACK | SLACK).get(name, 0.0)
    return None if value is None else (value - slack, value + slack)


def _of_details(again: Record, name: str) -> Range | None:
    """Return the interval of a value that the record holds, or a range if it holds none."""
    low, high = again.details.get(f"{name}_low"), again.details.get(f"{name}_high")
    return _around(name, getattr(again.row, name)) if low is None or high is None else _wider(low, high)


def _wider(low: float, high: float) -> Range:
    """Return an interval with room for what is rounded otherwise."""
    return low - ROUNDING, high + ROUNDING
