"""Two boards cell by cell: what changed, by how much, and whether it is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ..errors import UsageError
from .matching import ON, CellGroup, ComparedBoard, match
from .same_images import PER_IMAGE, Fingerprints, per_image, same_images, sources
from .significance import LEVEL, holm, paired, unpaired

COMPARED = ("psnr_db", "ssim", "accuracy")
"""Columns that are always compared; the scores among them are tested."""

Test = Literal["paired", "intervals", ""]


@dataclass(frozen=True)
class Change:
    """A column in a cell of both boards.

    Attributes:
        before: the value in A, None if it has none.
        after: the value in B.
        low: lower end of the 95 % interval of the change.
        high: upper end.
        p: two-sided p-value, by Holm's method over all tests of the comparison.
        test: ``paired`` over the same images, from the ``intervals`` of both means, or none.
    """

    before: float | None
    after: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    test: Test = ""

    @property
    def delta(self) -> float | None:
        """B less A."""
        return None if self.before is None or self.after is None else round(self.after - self.before, 9)

    @property
    def significant(self) -> bool:
        """Whether it is more than chance."""
        return self.p is not None and self.p < LEVEL


@dataclass(frozen=True)
class Difference:
    """A cell of one board or both.

    Attributes:
        a: the rows in A, None if it has none.
        b: the rows in B.
        changes: by column.
    """

    a: CellGroup | None
    b: CellGroup | None
    changes: dict[str, Change] = field(default_factory=dict)

    @property
    def state(self) -> Literal["same", "changed", "missing", "added"]:
        """What became of the cell from A to B."""
        if self.a is None or self.b is None:
            return "missing" if self.b is None else "added"
        same = all(change.before == change.after for change in self.changes.values())
        return "same" if same and _statuses(self.a) == _statuses(self.b) else "changed"


def compare(a: ComparedBoard, b: ComparedBoard, on: Sequence[str] = ON, extra: Sequence[str] = ()) -> list[Difference]:
    """Compare two boards.

    Args:
        a: the earlier one, or the reference.
        b: the later one.
        on: columns in which cells agree; ``seed`` is left out where a board does not name it.
        extra: columns to compare beside ``COMPARED``.

    Returns:
        Cells in both boards, then those missing in B, then those added in B.

    Raises:
        UsageError: if the boards are not comparable, or it is not clear which cells belong together.
    """
    _refuse_protocols(a, b)
    pairs, missing, added = match(a, b, effective(on, a, b))
    columns = tuple(dict.fromkeys((*COMPARED, *extra)))
    known, also = Fingerprints(a.entries), Fingerprints(b.entries)
    both = [
        Difference(one, other, {column: _change(column, one, other, known, also) for column in columns})
        for one, other in pairs
    ]
    alone = [Difference(one, None, {column: Change(one.number(column), None) for column in columns}) for one in missing]
    new = [Difference(None, one, {column: Change(None, one.number(column)) for column in columns}) for one in added]
    return [*_adjust(both), *alone, *new]


def effective(on: Sequence[str], a: ComparedBoard, b: ComparedBoard) -> list[str]:
    """The columns to match by: published figures have no seed, so there the seeds of the other board are averaged."""
    return [column for column in on if column != "seed" or (a.has("seed") and b.has("seed"))]


def _refuse_protocols(a: ComparedBoard, b: ComparedBoard) -> None:
    found = [{entry.values["protocol"] for entry in side.entries if "protocol" in entry.values} for side in (a, b)]
    if len(found[0] | found[1]) > 1:
        said = " and ".join(
            f"{side.path} protocol {', '.join(map(str, sorted(protocols)))}"
            for side, protocols in zip((a, b), found, strict=True)
        )
        raise UsageError(
            f"scores of different evaluation protocols are not comparable: {said}; run both with one version"
        )


def _statuses(group: CellGroup) -> set[str]:
    return {entry.values.get("status", "done") for entry in group.entries}


def _change(column: str, one: CellGroup, other: CellGroup, known: Fingerprints, also: Fingerprints) -> Change:
    change = Change(one.number(column), other.number(column))
    if column not in PER_IMAGE or change.delta is None:
        return change
    here, there = per_image(one, column), per_image(other, column)
    if here and there and len(here) == len(there) and same_images(one, other, known, also):
        low, high, p = paired(here, there, sources=sources(one, other))
        return replace(change, low=low, high=high, p=p, test="paired" if p is not None else "")
    ends = [group.number(f"{column}_{end}") for group in (one, other) for end in ("low", "high")]
    if None in ends or change.before is None or change.after is None or change.delta == 0:
        return change
    before_low, before_high, after_low, after_high = (end for end in ends if end is not None)
    low, high, p = unpaired((change.before, change.after), (before_low, before_high), (after_low, after_high))
    return replace(change, low=low, high=high, p=p, test="intervals" if p is not None else "")


def _adjust(differences: Sequence[Difference]) -> list[Difference]:
    """Put Holm's p-values over all cells and columns in place of the single ones.

    A test of images none of which differs could not reject whatever happened, so it does not count among the tests
    (Tarone 1990, "A modified Bonferroni method for discrete data").
    """
    tested = [
        (index, column, change.p)
        for index, difference in enumerate(differences)
        for column, change in difference.changes.items()
        if change.p is not None
    ]
    adjusted = holm([p for _, _, p in tested])
    changes = [dict(difference.changes) for difference in differences]
    for (index, column, _), p in zip(tested, adjusted, strict=True):
        changes[index][column] = replace(changes[index][column], p=p)
    return [replace(difference, changes=each) for difference, each in zip(differences, changes, strict=True)]
