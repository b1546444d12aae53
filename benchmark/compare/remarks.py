"""Summarize a comparison and its caveats."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..utils.plurals import count_of
from .differences import Difference
from .matching import ComparedBoard, nearly


def remarks(differences: Sequence[Difference], a: ComparedBoard, b: ComparedBoard, on: Sequence[str]) -> list[str]:
    """Return the summary of a comparison, one sentence each: counts of cells, tests, and cells that did not match."""
    count: Callable[[str], int] = [each.state for each in differences].count
    both = count("same") + count("changed")
    sentences = [
        f"{count_of(both, 'cell')} in both boards: {count('changed')} changed, {count('same')} the same; "
        f"{count('missing')} only in A, {count('added')} only in B."
    ]
    tests = [change.test for each in differences for change in each.changes.values() if change.p is not None]
    if tests:
        ways = [
            f"{tests.count(test)} {what}"
            for test, what in (
                ("paired", "of the mean difference over the same private images"),
                ("intervals", "from the intervals of the means, as scores of the same images are not available"),
            )
            if test in tests
        ]
        sentences.append(
            f"* significant: p < 0.05 by Holm's method over {count_of(len(tests), 'test')}, {' and '.join(ways)}."
        )
    elif count("changed"):
        sentences.append("Nothing is tested: too few images, or no scores of images and no intervals on both boards.")
    if any(len(group.done) > 1 for each in differences for group in (each.a, each.b) if group):
        sentences.append("Cells with several seeds are averaged over seeds.")
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
