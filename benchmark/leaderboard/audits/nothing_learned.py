"""Signs that a training or a defense had no effect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
from scipy.special import bdtrc

from ...plan.references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from ...utils.plurals import count_of
from ..flags import Finding
from ..records import Row
from ..scored_rows import ScoredRows, psnr

DOUBT = 0.05
"""Probability with which chance may do as well as a target that has learned something."""
SAME_DB = 1e-3
"""Difference in the PSNR of an image up to which two reconstructions count as the same."""


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


def defense_changes_nothing(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks that reconstruct the same images from a defended wire as from the undefended one."""
    for rows in board.groups("defense", "defense_params"):
        plain = next((row for row in rows if row.defense == REFERENCE_DEFENSE), None)
        if plain is None or plain.attack == REFERENCE_ATTACK:
            continue
        blind = _mean_images(board, plain)
        if any(_same(board, plain, other) for other in blind):
            continue
        for row in rows:
            if row.defense != REFERENCE_DEFENSE and _same(board, row, plain):
                found = f"scores on each image what it scores on {REFERENCE_DEFENSE} ({psnr(plain):.2f} dB on average)"
                yield Finding.of(row, found, plain)


def _mean_images(board: ScoredRows, like: Row) -> list[Row]:
    """Return the rows of the reference attack on the same wire: an attack with its scores ignores the wire."""
    names = ("dataset", "model", "split", "defense", "seed", "n_images", "protocol")
    return [
        row
        for row in board.rows
        if row.attack == REFERENCE_ATTACK and all(getattr(row, name) == getattr(like, name) for name in names)
    ]


def _same(board: ScoredRows, row: Row, other: Row) -> bool:
    """Return whether two rows have the same score of each image, or the same means if there are no records."""
    here, there = board.images(row), board.images(other)
    if len(here) == len(there) > 0:
        return bool(np.abs(here - there).max() <= SAME_DB)
    scores = ("psnr_db", "psnr_db_low", "psnr_db_high", "ssim", "ssim_low", "ssim_high", "identified", "leak_r2")
    return all(getattr(row, name) == getattr(other, name) for name in scores)
