"""Compare two boards cell by cell: what changed, by how much, and whether the change is significant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ..errors import UsageError
from .matching import MATCH_COLUMNS, CellGroup, ComparedBoard, match
from .same_images import PER_IMAGE, Fingerprints, per_image, same_images, sources
from .significance import SIGNIFICANCE_LEVEL, holm, paired, unpaired

COMPARED_COLUMNS = ("psnr_db", "ssim", "accuracy", "utility")
"""Columns that are always compared. Changes of the scores among them are tested."""
MEANT_BY = {"utility": "utility_metric", "agreement": "utility_metric", "attribute_accuracy": "attribute"}
"""Columns whose values are comparable only where another column, which says what they mean, is the same."""

Test = Literal["paired", "intervals", ""]


@dataclass(frozen=True)
class Change:
    """The values of one column in a cell of both boards.

    Attributes:
        before: The value in A; None if there is none.
        after: The value in B; None if there is none.
        low: Lower end of the 95 % interval of the change.
        high: Upper end of the 95 % interval of the change.
        p: Two-sided p-value, adjusted by Holm's method over all tests of the comparison.
        test: ``paired`` if the same images are compared, ``intervals`` if the intervals of both means are, or empty.
        comparable: Whether both values mean the same; not so for the utilities of different metrics.

    Example:
        >>> Change(20.0, 20.5).delta
        0.5
    """

    before: float | None
    after: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    test: Test = ""
    comparable: bool = True

    @property
    def delta(self) -> float | None:
        """The value in B minus the value in A; None if one is unknown, or if they are not comparable."""
        if self.before is None or self.after is None or not self.comparable:
            return None
        return round(self.after - self.before, 9)

    @property
    def significant(self) -> bool:
        """Whether the change is significant at the 5 % level."""
        return self.p is not None and self.p < SIGNIFICANCE_LEVEL


@dataclass(frozen=True)
class Difference:
    """A cell of one board or of both.

    Attributes:
        a: The rows in A; None if A does not have the cell.
        b: The rows in B; None if B does not have the cell.
        changes: The changes by column.

    Example:
        >>> Difference(None, None).changes
        {}
    """

    a: CellGroup | None
    b: CellGroup | None
    changes: dict[str, Change] = field(default_factory=dict)

    @property
    def state(self) -> Literal["same", "changed", "missing", "added"]:
        """Whether the cell is the same in A and B, changed, missing in B, or added in B."""
        if self.a is None or self.b is None:
            return "missing" if self.b is None else "added"
        same = all(change.before == change.after and change.comparable for change in self.changes.values())
        return "same" if same and _statuses(self.a) == _statuses(self.b) else "changed"


def compare(
    a: ComparedBoard, b: ComparedBoard, on: Sequence[str] = MATCH_COLUMNS, extra: Sequence[str] = ()
) -> list[Difference]:
    """Compare two boards.

    Args:
        a: The earlier board, or the reference.
        b: The later board.
        on: Columns that matching cells share; ``seed`` is left out if a board does not have it.
        extra: Columns to compare in addition to ``COMPARED_COLUMNS``.

    Returns:
        The cells of both boards, then those missing in B, then those added in B.

    Raises:
        UsageError: If the boards are not comparable, or a cell matches several others.
    """
    _refuse_protocols(a, b)
    pairs, missing, added = match(a, b, effective(on, a, b))
    columns = tuple(dict.fromkeys((*COMPARED_COLUMNS, *extra)))
    fingerprints = Fingerprints(a.entries), Fingerprints(b.entries)
    both = [
        Difference(one, other, {column: _change(column, *scored, *fingerprints) for column in columns})
        for one, other in pairs
        for scored in [_at_finished_seeds(one, other)]
    ]
    alone = [Difference(one, None, {column: Change(one.number(column), None) for column in columns}) for one in missing]
    new = [Difference(None, one, {column: Change(None, one.number(column)) for column in columns}) for one in added]
    return [*_adjust(both), *alone, *new]


def effective(on: Sequence[str], a: ComparedBoard, b: ComparedBoard) -> list[str]:
    """Return the columns to match by. Published results have no seed, so seeds of the other board are averaged."""
    return [column for column in on if column != "seed" or (a.has("seed") and b.has("seed"))]


def _refuse_protocols(a: ComparedBoard, b: ComparedBoard) -> None:
    found = [{entry.values["protocol"] for entry in side.entries if "protocol" in entry.values} for side in (a, b)]
    if len(found[0] | found[1]) > 1:
        named = " and ".join(
            f"{', '.join(map(str, sorted(protocols)))} in {side.path}"
            for side, protocols in zip((a, b), found, strict=True)
        )
        raise UsageError(f"Expected scores of one evaluation protocol, got {named}. Compute both with one version.")


def _statuses(group: CellGroup) -> set[str]:
    return {entry.values.get("status", "done") for entry in group.entries}


def _at_finished_seeds(one: CellGroup, other: CellGroup) -> tuple[CellGroup, CellGroup]:
    """Leave out, in both groups, the seeds at which a cell of one has failed, unless no other seed is left."""
    entries = [*one.entries, *other.entries]
    failed = {entry.values.get("seed") for entry in entries if entry.values.get("status", "done") != "done"}
    left = [
        CellGroup(tuple(entry for entry in group.entries if entry.values.get("seed") not in failed))
        for group in (one, other)
    ]
    return (left[0], left[1]) if all(group.entries for group in left) else (one, other)


def _change(
    column: str, one: CellGroup, other: CellGroup, fingerprints_a: Fingerprints, fingerprints_b: Fingerprints
) -> Change:
    before, after = one.number(column), other.number(column)
    meanings = one.texts(MEANT_BY[column]) | other.texts(MEANT_BY[column]) if column in MEANT_BY else set[str]()
    change = Change(before, after, comparable=None in (before, after) or len(meanings) < 2)
    if column not in PER_IMAGE or change.delta is None:
        return change
    here, there = per_image(one, column), per_image(other, column)
    if here and there and len(here) == len(there) and same_images(one, other, fingerprints_a, fingerprints_b):
        low, high, p = paired(here, there, sources=sources(one, other))
        return replace(change, low=low, high=high, p=p, test="paired" if p is not None else "")
    ends = [group.number(f"{column}_{end}") for group in (one, other) for end in ("low", "high")]
    if None in ends or change.before is None or change.after is None or change.delta == 0:
        return change
    before_low, before_high, after_low, after_high = (end for end in ends if end is not None)
    low, high, p = unpaired((change.before, change.after), (before_low, before_high), (after_low, after_high))
    return replace(change, low=low, high=high, p=p, test="intervals" if p is not None else "")


def _adjust(differences: Sequence[Difference]) -> list[Difference]:
    """Replace the p-values by those of Holm's method over all cells and columns.

    A test of images that do not differ at all can never reject, so it does not count as a test
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
