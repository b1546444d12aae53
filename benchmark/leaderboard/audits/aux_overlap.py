"""The attacker's own images contain private ones."""

from __future__ import annotations

from collections.abc import Iterator

from ...utils.plurals import count_of
from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows


def aux_overlap(board: ScoredRows) -> Iterator[Finding]:
    """Find attackers whose own images contain private ones."""
    for row in board.rows:
        count = board.details(row).get("aux_overlap", 0)
        if count > 0:
            yield Finding.of(
                row, f"had {count:.0f} of the {count_of(row.n_images, 'private image')} among the attacker's own"
            )


KIND = FlagKind(
    identifier="aux-overlap",
    meaning="The attacker's own images contain private images.",
    causes=(
        "The dataset holds exact copies of an image in two pools.",
        "The attack was given the private images by mistake.",
    ),
    remedy="Remove the duplicates from the dataset and rerun.",
    find=aux_overlap,
)
