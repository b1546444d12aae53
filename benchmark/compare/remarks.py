"""What to bear in mind of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .differences import Difference
from .matching import ComparedBoard, nearly


def remarks(differences: Sequence[Difference], a: ComparedBoard, b: ComparedBoard, on: Sequence[str]) -> list[str]:
    """What to bear in mind, one sentence each: the count of cells, the tests, and what could not be matched."""
    count: Callable[[str], int] = [each.state for each in differences].count
    both = count("same") + count("changed")
    said = [
        f"{both} cells in both boards: {count('changed')} changed, {count('same')} the same; "
        f"{count('missing')} only in A, {count('added')} only in B"
    ]
    tests = [change.test for each in differences for change in each.changes.values() if change.p is not None]
    if tests:
        ways = [
            f"{tests.count(test)} {what}"
            for test, what in (
                ("paired", "of the mean difference over the same private images"),
                ("intervals", "from the intervals of the means, as the values of the same images are not at hand"),
            )
            if test in tests
        ]
        said.append(f"* more than chance: p < 0.05 by Holm's method over {len(tests)} tests, {' and '.join(ways)}")
    elif count("changed"):
        said.append("nothing is tested: too few images, or no values of images or intervals on both boards")
    if any(len(group.done) > 1 for each in differences for group in (each.a, each.b) if group):
        said.append("cells with several seeds are their means")
    for name, side in (("A", a), ("B", b)):
        if side.published:
            said.append(f"{name} holds published figures, of another protocol, training and choice of images")
    missing, added = ([each for each in differences if each.state == state] for state in ("missing", "added"))
    near = nearly([each.a for each in missing if each.a], [each.b for each in added if each.b], a, b, on)
    for column, cells in near.items():
        if column in ("attack", "defense"):
            continue  # other attacks and defenses are other questions
        others = ",".join(name for name in on if name != column)
        said.append(f"{cells} of the cells only in A differ from one only in B in {column} alone: --on {others}")
    return said
