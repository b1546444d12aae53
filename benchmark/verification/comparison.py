"""Compare a reported record with a new run of its cell: each image with the same image, and column by column."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..evaluation.perceptual import ASKED
from ..leaderboard.audits.comparisons import promises_secrecy
from ..leaderboard.model_facts import UTILITIES
from ..leaderboard.records import COLUMNS_OF, SCHEMA_VERSION, Record
from .column_deviations import column_deviations
from .deviation import Deviation
from .same_network import scatters_beyond_rounding, score_changes, surely_same_network
from .tolerances import EXACT


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
    scatters = scatters_beyond_rounding(stated, again)
    same = same_network or surely_same_network(stated, again, scatters=scatters)
    steady = same and not promises_secrecy(again.row)  # keys are random
    deviations = {each.column: each for each in column_deviations(stated, again, same=same, steady=steady)}
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
    largest = max(map(abs, score_changes("psnr_db", stated, again)), default=0.0)
    exact = not scatters and not any(deviations[name].beyond_rounding for name in UTILITIES)
    return Comparison(faults, deviations, same, exact, largest)


def _none_read(stated: Record, again: Record) -> bool:
    """Return whether one of two records has no attribute. If both have, that of another network may be another one."""
    return None in (stated.row.attribute, again.row.attribute)
