"""The deviation of each column of a record from a new run of its cell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean, median

from ..leaderboard.auditing import audit
from ..leaderboard.model_facts import UTILITIES, UTILITY_ROUNDING, UTILITY_SLACK
from ..leaderboard.records import Record
from ..metrics.intervals import interval, margin, share_interval
from ..metrics.scales import RANGES, RECOGNISABLE_SSIM, ROUNDING
from .deviation import Deviation
from .same_network import score_changes
from .tolerances import (
    AMPLIFIED,
    BYTES,
    BYTES_OF_DETAILS,
    CONFIDENCE,
    DETAILS,
    FEW_IMAGES,
    FLIPS,
    NETWORKS,
    OTHERS,
    RATIO_ROUNDING,
    RELATIVE,
    SCATTER,
    TRIVIAL_BOUND,
)


def column_deviations(stated: Record, again: Record, *, same: bool, steady: bool) -> Iterator[Deviation]:
    """Yield the deviation of each column with numbers."""
    yield from _of_scores(stated, again, steady=steady)
    yield from _of_shares(stated, again, steady=steady)
    yield from _of_errors(stated, again, steady=steady)
    yield from _of_details(stated, again, same=same, steady=steady)
    here, there = stated.row, again.row
    for name in UTILITIES:
        yield _of_utility(name, getattr(here, name), getattr(there, name), again, same=same)
    for name, rooms in {**BYTES, **{name: (each, each) for name, each in RELATIVE.items()}}.items():
        yield _relative(name, getattr(here, name), getattr(there, name), rooms, steady=steady)
    for name, (rounding, room) in OTHERS.items():
        if name == "attribute_accuracy" and here.attribute != there.attribute:
            continue  # that of another attribute; the gain is the largest of all attributes
        if name in TRIVIAL_BOUND and getattr(here, name) is None and not _beats_a_bound(again):
            continue  # no bound claims nothing, and earlier versions did not know all bounds
        one, other = (_with_trivial(name, getattr(row, name)) for row in (here, there))
        yield Deviation(name, one, other, rounding, rounding if steady else room)


def _of_scores(stated: Record, again: Record, *, steady: bool) -> Iterator[Deviation]:
    """Yield the deviations of the means over images and of their intervals."""
    for name, rounding in ROUNDING.items():
        changes = score_changes(name, stated, again)
        spread = max(changes) - min(changes)
        chance = margin(changes, sources=again.per_image.sources or None, confidence=CONFIDENCE)
        scatter = FEW_IMAGES[name] if chance is None else chance + (0.0 if steady else NETWORKS[name])
        largest = (AMPLIFIED if steady else SCATTER)[name]
        room = rounding + (min(scatter, largest) if spread > 2 * rounding else 0.0)
        yield Deviation(name, getattr(stated.row, name), getattr(again.row, name), rounding, room)
        images = stated.per_image  # the interval follows from them
        ends = interval(getattr(images, name), sources=images.sources or None, within=RANGES[name])
        for end, expected in zip((f"{name}_low", f"{name}_high"), ends, strict=True):
            yield Deviation(end, getattr(stated.row, end), expected, rounding, rounding)


def _of_shares(stated: Record, again: Record, *, steady: bool) -> Iterator[Deviation]:
    """Yield the deviations of the shares of images."""
    count = again.row.n_images
    flips = sum(
        (one >= RECOGNISABLE_SSIM) != (other >= RECOGNISABLE_SSIM)
        for one, other in zip(stated.per_image.ssim, again.per_image.ssim, strict=True)
    )
    room = (flips + 0.01) / count
    yield Deviation("recognisable", stated.row.recognisable, again.row.recognisable, room, room)
    changes = score_changes("psnr_db", stated, again)
    level = median(changes)
    scattered = sum(abs(each - level) > ROUNDING["psnr_db"] for each in changes)
    room = 1 / count if steady else (1 + 3 * (FLIPS * scattered) ** 0.5) / count
    yield Deviation("identified", stated.row.identified, again.row.identified, 1 / count, room)
    name = "identified_among_attacked"
    yield Deviation(name, stated.details.get(name), again.details.get(name), 1 / count, room)


def _of_errors(stated: Record, again: Record, *, steady: bool) -> Iterator[Deviation]:
    """Yield the deviations of what follows from the squared errors of the images, which both records have."""
    ratio = _mean_error(stated) / _mean_error(again)
    leak, gap = again.row.leak_r2, again.row.attack_gap_db
    leak = None if leak is None else 1 - (1 - leak) * ratio
    room = RATIO_ROUNDING * max(1.0, abs(1 - (leak or 0.0)))
    yield Deviation("leak_r2", stated.row.leak_r2, leak, room, room)
    gap = None if gap is None else gap + 10 * math.log10(ratio)
    rounding, between_networks = OTHERS["bound_psnr_db"]
    yield Deviation("attack_gap_db", stated.row.attack_gap_db, gap, rounding, rounding if steady else between_networks)


def _mean_error(record: Record) -> float:
    """Return the mean squared error of the images."""
    return fmean(10 ** (-value / 10) for value in record.per_image.psnr_db)


def _of_details(stated: Record, again: Record, *, same: bool, steady: bool) -> Iterator[Deviation]:
    """Yield the deviations of the details that flags read."""
    here, there = stated.details, again.details
    for name, (rounding, room) in DETAILS.items():
        if name.startswith("bound_") and name not in here and not _beats_a_bound(again):
            continue
        yield Deviation(name, here.get(name), there.get(name), rounding, rounding if steady else room)
    for name in BYTES_OF_DETAILS:
        yield _relative(name, here.get(name), there.get(name), BYTES["wire_bytes"], steady=steady)
    name = "utility_undefended"
    yield _of_utility(name, here.get(name), there.get(name), again, same=same)


def _of_utility(name: str, stated: float | None, value: float | None, again: Record, *, same: bool) -> Deviation:
    images = again.row.accuracy_images or 1
    rounding = max(UTILITY_ROUNDING, 1 / images)
    chance = _sampling_error(value, images) if again.row.task == "classification" and value is not None else 0.0
    return Deviation(name, stated, value, rounding, rounding if same else max(rounding, UTILITY_SLACK + chance))


def _sampling_error(share: float, count: int) -> float:
    """Return half the width of the interval of a share."""
    low, high = share_interval(min(round(share * count), count), count)
    return (high - low) / 2


def _relative(
    name: str, stated: float | None, value: float | None, rooms: tuple[float, float], *, steady: bool
) -> Deviation:
    rounding, room = (each * (value or 0.0) for each in rooms)
    return Deviation(name, stated, value, rounding, rounding if steady else room)


def _with_trivial(name: str, value: float | None) -> float | None:
    return TRIVIAL_BOUND.get(name) if value is None else value


def _beats_a_bound(record: Record) -> bool:
    return any(flag.name.startswith("beats-") for flag in audit([record.row], {record.row.cell_id: record}))
