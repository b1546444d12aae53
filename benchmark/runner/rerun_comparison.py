"""Compare a reported record with a new run of its cell: each image with the same image, and column by column."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import fmean, median

from ..evaluation.perceptual import ASKED
from ..leaderboard.auditing import audit
from ..leaderboard.model_facts import COUNTS, UTILITIES, UTILITY_SLACK
from ..leaderboard.records import COLUMNS, Record
from ..metrics.intervals import interval, margin, share_interval
from ..metrics.scales import PSNR_CEILING_DB, RANGES, RECOGNISABLE_SSIM
from .deviations import Deviation

ROUNDING = {"psnr_db": 0.02, "ssim": 0.002}
"""How far the means of two runs with the same network may differ. Runs with other numbers of jobs were equal."""
NETWORKS = {"psnr_db": 0.3, "ssim": 0.02}
"""By how much the mean may differ between networks in addition to the margin of the images. A network that is trained
with other instructions of the processor becomes another one: on 32 photographs, the SSIM of ``ridge`` behind ``vib``
differed by 0.047 between two, which is 3.7 standard errors."""
SCATTER = {"psnr_db": 1.5, "ssim": 0.06}
"""How far they may differ at most. PSNR differed by 0.95 dB between these two networks."""
FEW_IMAGES = {"psnr_db": 0.5, "ssim": 0.02}
"""The largest such difference with too few images for a margin."""
CONFIDENCE = 0.9973
"""Probability that chance stays within the margin of images that scatter: three standard errors of many images."""
UTILITY_ROUNDING = 0.002
"""How far accuracies and similar metrics may differ with the same network: by answers between two classes."""
FLIPS = 0.15
"""Share of images that at most are identified with one network and not with another (3 of 32 with ``ridge``)."""
RELATIVE = {"epsilon": 0.001, "delta": 0.001, "client_peak_bytes": 0.1}
"""The largest relative difference of further columns."""
BYTES = {"wire_bytes": (0.005, 0.03), "bytes_down": (0.005, 0.03)}
"""The same with the same network, and with another. In the reference boards, compressed messages of networks that were
trained anew differ by up to 1.6 %."""
OTHERS = {"ms_ssim": (0.002, 0.02), "lpips": (0.002, 0.02), "imagenet_distance": (0.002, 0.02)}
OTHERS |= {"bound_psnr_db": (0.02, 0.5), "bound_identified": (0.002, 0.05)}
OTHERS |= {"attribute_accuracy": (0.05, 0.1), "attribute_gain": (0.05, 0.1)}
"""The same for scores without values of images. Bounds of networks that were trained anew differ by up to 0.35 dB and
0.004 in the reference boards. Accuracies of attributes differ by 0.01 between two runs of ``tee`` with the same
network, and by 0.06 between the two networks."""
RATIO_ROUNDING = 0.002
"""How far ``leak_r2`` may differ from what the scores of the images give, as a share of the mean image's error."""
TRIVIAL_BOUND = {"bound_psnr_db": PSNR_CEILING_DB, "bound_identified": 1.0}
"""The bounds that say nothing, for which rows have no value."""
EXACT = ("access", "task", "utility_metric", "guarantee", "attack_version", "accuracy_images", *COUNTS)
"""Columns that are equal on all machines."""
IN_ALL_SCHEMAS = frozenset(COLUMNS[: COLUMNS.index("bound_psnr_db")])
"""Columns of all readable schemas. If one of them is empty, there was no value."""


@dataclass(frozen=True)
class Comparison:
    """State how a reported record compares with a new run of its cell.

    Attributes:
        faults: Each column that differs by more than chance, and how.
        deviations: The columns with numbers, by name.
        same_network: Whether all images have the same scores up to rounding, and the network the same accuracy.
        largest_change_db: The largest difference in PSNR of an image.

    Example:
        >>> Comparison().difference
        ''
    """

    faults: dict[str, str] = field(default_factory=dict)
    deviations: dict[str, Deviation] = field(default_factory=dict)
    same_network: bool = True
    largest_change_db: float = 0.0

    @property
    def difference(self) -> str:
        """Which columns differ, as sentences; empty if none does."""
        if not self.faults:
            return ""
        first, *others = self.faults
        return self.faults[first] + (f" Other columns that differ: {', '.join(others)}." if others else "")


def compare(stated: Record, again: Record) -> Comparison:
    """Compare a reported record with a new run, which is done.

    The new run attacks the same images with the same random numbers, so each image is compared with itself. If all
    scores agree up to rounding, the network is the same and so are all other columns. If they scatter, the network was
    trained to other weights, or keys are random: their mean difference then must be within what chance explains.

    Not compared are times, and the perceptual measures that the new run does not have.

    Args:
        stated: The reported record.
        again: The record of the new run of its cell.

    Example: See ``verify``.
    """
    if stated.row.n_images != again.row.n_images:
        return Comparison({"n_images": f"Expected n_images {again.row.n_images}, got {stated.row.n_images}."})
    same = _same_network(stated, again)
    deviations = {each.column: each for each in _deviations(stated, again, same=same)}
    faults = {}
    for name, found in deviations.items():
        not_claimed = found.stated is None and name not in IN_ALL_SCHEMAS
        not_computed = found.again is None and name in ASKED
        if found.differs and not (not_claimed or not_computed):
            faults[name] = found.sentence
    for name in EXACT:
        claim, expected = getattr(stated.row, name), getattr(again.row, name)
        if claim != expected and (claim is not None or name in IN_ALL_SCHEMAS):
            faults[name] = f"Expected {name} {expected}, got {claim}."
    largest = max(map(abs, _changes("psnr_db", stated, again)), default=0.0)
    return Comparison(faults, deviations, same, largest)


def _changes(name: str, stated: Record, again: Record) -> list[float]:
    """Return the difference of a score of each image."""
    pairs = zip(getattr(stated.per_image, name), getattr(again.per_image, name), strict=True)
    return [one - other for one, other in pairs]


def _same_network(stated: Record, again: Record) -> bool:
    scatters = any(
        max(changes) - min(changes) > 2 * rounding
        for name, rounding in ROUNDING.items()
        if (changes := _changes(name, stated, again))
    )
    one, other = stated.row.accuracy_undefended, again.row.accuracy_undefended
    return not scatters and (one is None or other is None or abs(one - other) <= UTILITY_ROUNDING)


def _deviations(stated: Record, again: Record, *, same: bool) -> Iterator[Deviation]:
    """Yield the deviation of each column with numbers."""
    yield from _of_scores(stated, again)
    yield from _of_shares(stated, again)
    yield from _of_errors(stated, again, same=same)
    here, there = stated.row, again.row
    for name in UTILITIES:
        value, images = getattr(there, name), there.accuracy_images or 1
        rounding = max(UTILITY_ROUNDING, 1 / images)
        chance = _sampling_error(value, images) if there.task == "classification" and value is not None else 0.0
        room = rounding if same else max(rounding, UTILITY_SLACK + chance)
        yield Deviation(name, getattr(here, name), value, rounding, room)
    for name, (rounding, room) in {**BYTES, **{name: (each, each) for name, each in RELATIVE.items()}}.items():
        scale = getattr(there, name) or 0.0
        chosen = rounding if same else room
        yield Deviation(name, getattr(here, name), getattr(there, name), rounding * scale, chosen * scale)
    for name, (rounding, room) in OTHERS.items():
        if name.startswith("attribute") and here.attribute != there.attribute:
            continue  # another attribute may be read as well
        if name in TRIVIAL_BOUND and getattr(here, name) is None and not _beats_a_bound(again):
            continue  # no bound claims nothing, and earlier versions did not know all bounds
        one, other = (_with_trivial(name, getattr(row, name)) for row in (here, there))
        yield Deviation(name, one, other, rounding, rounding if same else room)


def _beats_a_bound(record: Record) -> bool:
    return any(flag.name.startswith("beats-") for flag in audit([record.row], {record.row.cell_id: record}))


def _sampling_error(share: float, count: int) -> float:
    """Return half the width of the interval of a share."""
    low, high = share_interval(min(round(share * count), count), count)
    return (high - low) / 2


def _with_trivial(name: str, value: float | None) -> float | None:
    return TRIVIAL_BOUND.get(name) if value is None else value


def _of_scores(stated: Record, again: Record) -> Iterator[Deviation]:
    """Yield the deviations of the means over images and of their intervals."""
    for name, rounding in ROUNDING.items():
        changes = _changes(name, stated, again)
        spread = max(changes) - min(changes)
        chance = margin(changes, sources=again.per_image.sources or None, confidence=CONFIDENCE)
        scatter = FEW_IMAGES[name] if chance is None else NETWORKS[name] + chance
        room = rounding + (min(scatter, SCATTER[name]) if spread > 2 * rounding else 0.0)
        yield Deviation(name, getattr(stated.row, name), getattr(again.row, name), rounding, room)
        images = stated.per_image  # the interval follows from them
        ends = interval(getattr(images, name), sources=images.sources or None, within=RANGES[name])
        for end, expected in zip((f"{name}_low", f"{name}_high"), ends, strict=True):
            yield Deviation(end, getattr(stated.row, end), expected, rounding, rounding)


def _of_shares(stated: Record, again: Record) -> Iterator[Deviation]:
    """Yield the deviations of the shares of images."""
    count = again.row.n_images
    flips = sum(
        (one >= RECOGNISABLE_SSIM) != (other >= RECOGNISABLE_SSIM)
        for one, other in zip(stated.per_image.ssim, again.per_image.ssim, strict=True)
    )
    room = (flips + 0.01) / count
    yield Deviation("recognisable", stated.row.recognisable, again.row.recognisable, room, room)
    changes = _changes("psnr_db", stated, again)
    level = median(changes)
    scattered = sum(abs(each - level) > ROUNDING["psnr_db"] for each in changes)
    room = (1 + 3 * (FLIPS * scattered) ** 0.5) / count
    yield Deviation("identified", stated.row.identified, again.row.identified, 1 / count, room)


def _of_errors(stated: Record, again: Record, *, same: bool) -> Iterator[Deviation]:
    """Yield the deviations of what follows from the squared errors of the images, which both records have."""
    ratio = _mean_error(stated) / _mean_error(again)
    leak, gap = again.row.leak_r2, again.row.attack_gap_db
    leak = None if leak is None else 1 - (1 - leak) * ratio
    room = RATIO_ROUNDING * max(1.0, abs(1 - (leak or 0.0)))
    yield Deviation("leak_r2", stated.row.leak_r2, leak, room, room)
    gap = None if gap is None else gap + 10 * math.log10(ratio)
    rounding, between_networks = OTHERS["bound_psnr_db"]
    yield Deviation("attack_gap_db", stated.row.attack_gap_db, gap, rounding, rounding if same else between_networks)


def _mean_error(record: Record) -> float:
    """Return the mean squared error of the images."""
    return fmean(10 ** (-value / 10) for value in record.per_image.psnr_db)
