"""A defense changes no wire or no reconstruction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...plan.references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from ..flags import Finding, FlagKind
from ..records import Row
from ..scored_rows import ScoredRows, psnr
from .comparisons import promises_secrecy

SAME_DB = 1e-3
"""Difference in the PSNR of an image up to which two reconstructions count as the same."""


def defense_changes_nothing(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks on wires that no defense changed, or with the same scores as on the undefended wire."""
    for row in board.rows:
        if row.attack != REFERENCE_ATTACK and _unchanged(board, row):
            yield Finding.of(row, f"reads the numbers that {REFERENCE_DEFENSE} sends")
    for rows in board.groups("defense", "defense_params"):
        plain = next((row for row in rows if row.defense == REFERENCE_DEFENSE), None)
        if plain is None or plain.attack == REFERENCE_ATTACK:
            continue
        blind = _mean_images(board, plain)
        if any(_same(board, plain, other) for other in blind):
            continue
        for row in rows:
            if _is_tested(board, row) and _same(board, row, plain):
                found = f"scores on each image what it scores on {REFERENCE_DEFENSE} ({psnr(plain):.2f} dB on average)"
                yield Finding.of(row, found, plain)


def _is_tested(board: ScoredRows, row: Row) -> bool:
    """Return whether equal scores say anything of a defense. They do not if its wires are to say nothing of images."""
    return row.defense != REFERENCE_DEFENSE and not promises_secrecy(row) and not _unchanged(board, row)


def _unchanged(board: ScoredRows, row: Row) -> bool:
    """Return whether the record of a row says that the undefended network sends the same numbers."""
    return bool(board.details(row).get("wire_unchanged"))


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


KIND = FlagKind(
    identifier="defense-changes-nothing",
    meaning="A defense does not change what is sent, or an attack reconstructs the same images as without it.",
    causes=(
        "The strength of the defense is zero or too small to have an effect.",
        "The defense was trained for too few epochs.",
        "The defense changes only the server, which hides nothing from who reads the wire.",
        "The defense protects something that this attack does not use.",
    ),
    remedy="Raise the strength or the epochs of the defense, or do not report it as tested by this attack.",
    find=defense_changes_nothing,
)
