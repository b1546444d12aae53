"""Summarize a comparison and its caveats."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..utils.plurals import count_of
from .differences import MEANT_BY, Difference
from .matching import MATCH_COLUMNS, ComparedBoard, nearly


def remarks(differences: Sequence[Difference], a: ComparedBoard, b: ComparedBoard, on: Sequence[str]) -> list[str]:
    """Return the summary of a comparison, one sentence each: counts of cells, tests, and cells that did not match."""
    count: Callable[[str], int] = [each.state for each in differences].count
    both = count("same") + count("changed")
    sentences = [
        f"{count_of(both, 'cell')} in both boards: {count('changed')} changed, {count('same')} the same; "
        f"{count('missing')} only in A, {count('added')} only in B."
    ]
    sentences += _incomparable(differences)
    sentences += _tests(differences, changed=count("changed"))
    if any(len(group.done) > 1 for each in differences for group in (each.a, each.b) if group):
        sentences.append("Cells with several seeds are averaged over seeds.")
    if other_ids := sum(map(_differs_in_id, differences)) if {*MATCH_COLUMNS} <= {*on} else 0:
        sentences.append(
            f"{count_of(other_ids, 'pair')} of cells with different ids: their images, or the versions of their "
            "components, differ."
        )
    for name, side in (("A", a), ("B", b)):
        if side.published:
            sentences.append(
                f"{name} holds published results, with another protocol, training and selection of images."
            )
    missing, added = ([each for each in differences if each.state == state] for state in ("missing", "added"))
    near = nearly([each.a for each in missing if each.a], [each.b for each in added if each.b], a, b, on)
    for column, cells in near.items():
        if column in ("attack", "defense"):
            continue  # cells of other attacks and defenses are not meant to match
        others = ",".join(name for name in on if name != column)
        found = count_of(cells, "cell only in A matches", "cells only in A match")
        sentences.append(f"{found} one only in B if {column} is ignored: --on {others}")
    return sentences


def _incomparable(differences: Sequence[Difference]) -> list[str]:
    """Say which differences are left out since the values mean something else, by the column that says what."""
    sentences = []
    for meaning in dict.fromkeys(MEANT_BY.values()):
        columns: dict[str, None] = {}
        pairs: dict[str, None] = {}
        cells = 0
        for each in differences:
            left_out = [name for name, change in each.changes.items() if not change.comparable]
            if each.a and each.b and (here := [name for name in left_out if MEANT_BY[name] == meaning]):
                a, b = (", ".join(sorted(group.texts(meaning))) for group in (each.a, each.b))
                columns |= dict.fromkeys(here)
                pairs |= {f"{a} in A and {b} in B": None}
                cells += 1
        if cells:
            sentences.append(
                f"Differences of {' and '.join(columns)} are left out in {count_of(cells, 'cell')}, since {meaning} "
                f"is {', or '.join(pairs)}."
            )
    return sentences


def _tests(differences: Sequence[Difference], *, changed: int) -> list[str]:
    """Say how changes were tested."""
    tests = [change.test for each in differences for change in each.changes.values() if change.p is not None]
    ways = [
        f"{tests.count(test)} {what}"
        for test, what in (
            ("paired", "of the mean difference over the same private images"),
            ("intervals", "from the intervals of the means, as scores of the same images are not available"),
        )
        if test in tests
    ]
    if tests:
        return [f"* significant: p < 0.05 by Holm's method over {count_of(len(tests), 'test')}, {' and '.join(ways)}."]
    untested = "Nothing is tested: too few images, or no scores of images and no intervals on both boards."
    return [untested] if changed else []


def _differs_in_id(difference: Difference) -> bool:
    """Return whether the rows of a pair are different cells though their columns, and versions of the attack, agree."""
    if difference.a is None or difference.b is None:
        return False
    versions, ids = (
        [{str(row.values.get(column)) for row in group.done} for group in (difference.a, difference.b)]
        for column in ("attack_version", "cell_id")
    )
    return versions[0] == versions[1] and "None" not in ids[0] | ids[1] and ids[0] != ids[1]
