"""Compare a reported record with a new run of its cell: each image with the same image, and column by column."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import fmean, median

from ..evaluation.perceptual import ASKED
from ..leaderboard import model_facts
from ..leaderboard.auditing import audit
from ..leaderboard.audits.comparisons import promises_secrecy
from ..leaderboard.model_facts import PROMISES, UTILITIES, UTILITY_ROUNDING, UTILITY_SLACK
from ..leaderboard.records import COLUMNS_OF, SCHEMA_VERSION, Record, Row, same_score
from ..metrics.intervals import interval, margin, share_interval
from ..metrics.scales import PSNR_CEILING_DB, RANGES, RECOGNISABLE_SSIM, ROUNDING
from ..plan.references import REFERENCE_ATTACK
from .deviations import Deviation

NETWORKS = {"psnr_db": 0.3, "ssim": 0.02}
"""By how much the mean may differ between networks in addition to the margin of the images. A network that is trained
with other instructions of the processor becomes another one: on 32 photographs, the SSIM of ``ridge`` behind ``vib``
differed by 0.047 between two, which is 3.7 standard errors."""
SCATTER = {"psnr_db": 1.5, "ssim": 0.06}
"""How far they may differ at most. PSNR differed by 0.95 dB between these two networks."""
AMPLIFIED = {"psnr_db": 0.1, "ssim": 0.005}
"""How far they may differ at most with the same network: an attack amplifies rounding in single images."""
FEW_IMAGES = {"psnr_db": 0.5, "ssim": 0.02}
"""The largest such difference with too few images for a margin."""
CONFIDENCE = 0.9973
"""Probability that chance stays within the margin of images that scatter: three standard errors of many images."""
FLIPS = 0.15
"""Share of images that at most are identified with one network and not with another (3 of 32 with ``ridge``)."""
RELATIVE = {**dict.fromkeys(PROMISES, 0.001), "client_peak_bytes": 0.1}
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
EXACT = ("access", "attack_version", *model_facts.EXACT)
"""Columns that are equal on all machines."""
DETAILS = {
    **dict.fromkeys(("aux_overlap", "chance", "chance_high", "psnr_db_class_mean"), (0.001, 0.001)),
    **dict.fromkeys(("psnr_db_wrong_image", "psnr_db_same_class", "psnr_db_above_same_class_high"), (0.15, 1.5)),
    **dict.fromkeys(("bound_psnr_db_high", "bound_psnr_of_mean_mse_db", "bound_van_trees_psnr_db"), (0.02, 0.5)),
    "bound_psnr_of_mean_mse_db_high": (0.02, 0.5),
    "dfil_unbiased_psnr_db": (0.02, 1.5),
    "wire_unchanged": (0.0, 0.0),
}
"""How far the details that flags read may differ, with the same network and with another. Who adds one raises the
version of the schema, as a record that lacks it differs."""
BYTES_OF_DETAILS = ("unread_bytes", "unseen_bytes")
"""Further ones, which may differ as ``BYTES`` do."""
ALIKE = 0.25
"""Share of images with equal scores that only the same network gives."""
ALL_ALIKE = {"psnr_db": 60.0, "ssim": 0.99}
"""Scores from which reconstructions are so exact that those of different networks have the same."""
TELLING = (0.3, 0.9999)
"""Range of ``leak_r2`` in which the scores of images depend on the network."""
MANY_IMAGES = 500
"""Number of test images from which another network hardly has the same accuracy and agreement."""


@dataclass(frozen=True)
class Comparison:
    """State how a reported record compares with a new run of its cell.

    Attributes:
        faults: Each column that differs by more than chance, and how.
        deviations: The columns with numbers, by name.
        same_network: Whether the network is surely the same one.
        exact: Whether the scores of all images, and the utilities, agree up to rounding.
        largest_change_db: The largest difference in PSNR of an image.

    Example:
        >>> Comparison().difference
        ''
    """

    faults: dict[str, str] = field(default_factory=dict)
    deviations: dict[str, Deviation] = field(default_factory=dict)
    same_network: bool = True
    exact: bool = True
    largest_change_db: float = 0.0

    @property
    def difference(self) -> str:
        """Which columns differ, as sentences; empty if none does."""
        if not self.faults:
            return ""
        first, *others = self.faults
        return self.faults[first] + (f" Other columns that differ: {', '.join(others)}." if others else "")


def compare(stated: Record, again: Record, *, same_network: bool = False) -> Comparison:
    """Compare a reported record with a new run, which is done.

    The new run attacks the same images with the same random numbers, so each image is compared with itself. If all
    scores agree up to rounding, the network is the same and so are all other columns. If they scatter, the network was
    trained to other weights, or keys are random: their mean difference then must be within what chance explains. A
    value that the reported record lacks differs, unless its schema does not have it.

    Not compared are times, and the perceptual measures that the new run does not have.

    Args:
        stated: The reported record.
        again: The record of the new run of its cell.
        same_network: Whether the network is known to be the same one, as another of its cells was reproduced exactly.

    Example: See ``verify``.
    """
    if stated.row.n_images != again.row.n_images:
        return Comparison({"n_images": f"Expected n_images {again.row.n_images}, got {stated.row.n_images}."})
    scatters = _scatters(stated, again)
    same = same_network or _same_network(stated, again, scatters=scatters)
    steady = same and not promises_secrecy(again.row)  # keys are random
    deviations = {each.column: each for each in _deviations(stated, again, same=same, steady=steady)}
    known = COLUMNS_OF[stated.schema_version]
    faults = {}
    for name, found in deviations.items():
        not_claimed = found.stated is None and name not in known and stated.schema_version != SCHEMA_VERSION
        not_computed = found.again is None and name in ASKED
        if found.differs and not (not_claimed or not_computed):
            faults[name] = found.sentence
    for name in (*EXACT, *(["attribute"] if steady or _none_read(stated, again) else [])):
        claim, expected = getattr(stated.row, name), getattr(again.row, name)
        if claim != expected and (claim is not None or name in known):
            faults[name] = f"Expected {name} {expected}, got {claim}."
    if stated.per_image.sources != again.per_image.sources:
        faults["sources"] = "Expected the sources of the images that the data have, got others."
    largest = max(map(abs, _changes("psnr_db", stated, again)), default=0.0)
    exact = not scatters and not any(deviations[name].beyond_rounding for name in UTILITIES)
    return Comparison(faults, deviations, same, exact, largest)


def _none_read(stated: Record, again: Record) -> bool:
    """Return whether one of two records has no attribute. If both have, that of another network may be another one."""
    return None in (stated.row.attribute, again.row.attribute)


def _changes(name: str, stated: Record, again: Record) -> list[float]:
    """Return the difference of a score of each image."""
    pairs = zip(getattr(stated.per_image, name), getattr(again.per_image, name), strict=True)
    return [one - other for one, other in pairs]


def _scatters(stated: Record, again: Record) -> bool:
    return any(
        max(changes) - min(changes) > 2 * rounding
        for name, rounding in ROUNDING.items()
        if (changes := _changes(name, stated, again))
    )


def tells_networks_apart(row: Row) -> bool:
    """Return whether the scores of a cell are other ones with another network.

    They are not if the attack reads nothing of the wire, or reconstructs it exactly with any network.
    """
    low, high = TELLING
    return row.attack != REFERENCE_ATTACK and row.leak_r2 is not None and low < row.leak_r2 < high


def _same_network(stated: Record, again: Record, *, scatters: bool) -> bool:
    """Return whether the network is surely the same one.

    It is if its accuracy is, and the scores tell networks apart and do not scatter or are equal for many images, or
    many answers of the protected network are the same as well.
    """
    here, there = stated.row, again.row
    one, other = here.accuracy_undefended, there.accuracy_undefended
    if one is not None and other is not None and abs(one - other) > UTILITY_ROUNDING:
        return False
    if tells_networks_apart(there) and (not scatters or any(_alike(name, stated, again) for name in ROUNDING)):
        return True
    many = one is not None and (there.accuracy_images or 0) >= MANY_IMAGES
    return many and one == other and here.agreement == there.agreement and not (scatters and there.agreement == 1.0)


def _alike(name: str, stated: Record, again: Record) -> bool:
    """Return whether many images that are not reconstructed exactly have equal scores."""
    pairs = zip(getattr(stated.per_image, name), getattr(again.per_image, name), strict=True)
    equal = sum(same_score(one, other) and other < ALL_ALIKE[name] for one, other in pairs)
    return equal >= ALIKE * again.row.n_images


def _deviations(stated: Record, again: Record, *, same: bool, steady: bool) -> Iterator[Deviation]:
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


def _of_utility(name: str, stated: float | None, value: float | None, again: Record, *, same: bool) -> Deviation:
    images = again.row.accuracy_images or 1
    rounding = max(UTILITY_ROUNDING, 1 / images)
    chance = _sampling_error(value, images) if again.row.task == "classification" and value is not None else 0.0
    return Deviation(name, stated, value, rounding, rounding if same else max(rounding, UTILITY_SLACK + chance))


def _relative(
    name: str, stated: float | None, value: float | None, rooms: tuple[float, float], *, steady: bool
) -> Deviation:
    rounding, room = (each * (value or 0.0) for each in rooms)
    return Deviation(name, stated, value, rounding, rounding if steady else room)


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


def _beats_a_bound(record: Record) -> bool:
    return any(flag.name.startswith("beats-") for flag in audit([record.row], {record.row.cell_id: record}))


def _sampling_error(share: float, count: int) -> float:
    """Return half the width of the interval of a share."""
    low, high = share_interval(min(round(share * count), count), count)
    return (high - low) / 2


def _with_trivial(name: str, value: float | None) -> float | None:
    return TRIVIAL_BOUND.get(name) if value is None else value


def _of_scores(stated: Record, again: Record, *, steady: bool) -> Iterator[Deviation]:
    """Yield the deviations of the means over images and of their intervals."""
    for name, rounding in ROUNDING.items():
        changes = _changes(name, stated, again)
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
    changes = _changes("psnr_db", stated, again)
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
