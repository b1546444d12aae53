"""The undefended target is hardly better than chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from scipy.special import bdtrc

from ...plan.references import REFERENCE_DEFENSE
from ...utils.plurals import count_of
from ..flags import Finding, FlagKind
from ..records import Row
from ..scored_rows import ScoredRows

DOUBT = 0.05
"""Probability with which chance may do as well as a target that has learned something."""


def target_near_chance(board: ScoredRows) -> Iterator[Finding]:
    """Find undefended targets that are not better than an answer that ignores the images; once per target.

    It is the most frequent class for classification, the mean for regression, and any order for several labels.
    """
    targets: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for row in board.rows:
        targets[row.dataset, row.model, row.seed].append(row)
    for (dataset, model, seed), rows in targets.items():
        row = min(rows, key=lambda each: each.defense != REFERENCE_DEFENSE)
        found = _near_chance(row, board.details(row))
        if found:
            target = f"The target {model} on {dataset} (seed {seed})"
            yield Finding(f"{model} on {dataset}", f"{target} {found}", (row.cell_id,))


def _near_chance(row: Row, details: Mapping[str, float]) -> str | None:
    """Say how an undefended target compares with chance, as the end of a sentence; None if it is surely better."""
    chance, count = details.get("chance"), row.accuracy_images
    if chance is None or not count:
        return None
    images = count_of(count, "image")
    right, useful = row.accuracy_undefended, details.get("utility_undefended")
    if right is not None:
        by_chance = bdtrc(round(right * count) - 1, count, min(chance, 1.0))  # at least as many right by chance
        found = f"is right on {right:.1%} of {images}; the most frequent class is {chance:.1%} of them"
        return found if by_chance > DOUBT else None
    if useful is not None and useful <= details.get("chance_high", chance):
        return f"has a {row.utility_metric} of {useful:.3f} on {images}, which is not above that of chance"
    return None


KIND = FlagKind(
    identifier="target-near-chance",
    meaning="The undefended target is not better than always answering the most frequent class, or the mean.",
    causes=(
        "There are too few training images or epochs.",
        "The model does not fit the images, for example because they are too small for it.",
        "There are too few test images to show a difference.",
    ),
    remedy="Use more images or another model. The leak of an untrained network says little about a trained one.",
    find=target_near_chance,
)
