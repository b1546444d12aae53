"""An attack does worse with more wires of each image."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows, observations, psnr
from .comparisons import MARGIN_DB, without


def observations_hurt(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks that score lower with more wires of each image."""
    for rows in board.groups("attack_params", rest=lambda row: without(row.attack_params, "observations")):
        for row, other in permutations(rows, 2):
            if observations(row) > observations(other) and board.exceeds(other, row, MARGIN_DB):
                more, fewer = observations(row), observations(other)
                found = f"scores {psnr(row):.2f} dB from {more} wires of each image, and {psnr(other):.2f} dB from"
                yield Finding.of(row, f"{found} {fewer}", other)


KIND = FlagKind(
    identifier="observations-hurt",
    meaning="An attack scores lower although it observes more wires of each image.",
    causes=(
        "The attack does not merge repeated wires well.",
        "The defense publishes a `merge` that loses information.",
    ),
    remedy="Take the higher score as the leak, and check how the attack merges repeated wires.",
    find=observations_hurt,
)
