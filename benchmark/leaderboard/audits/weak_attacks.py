"""Signs that an attack is too weak to measure a leak."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ...plan.references import REFERENCE_ATTACK
from ..flags import Finding
from ..scored_rows import ScoredRows, observations, psnr
from .comparisons import MARGIN_DB, same_setting

REFERENCE_MARGIN_DB = 0.2
"""How far below the mean image an attack may score."""
LINEAR_DECODER = "ridge"
"""The attack that needs no training, and that any attack with as many queries should reach."""


def black_box_beats_white_box(board: ScoredRows) -> Iterator[Finding]:
    """Find settings where the strongest attack with the client's weights is below the strongest one without."""
    for rows in board.groups("attack", "attack_params", rest=observations):
        white = [row for row in rows if row.access == "white_box"]
        blind = [row for row in rows if row.access != "white_box"]
        if not white or not blind:
            continue
        seeing, other = max(white, key=psnr), max(blind, key=psnr)
        if board.exceeds(other, seeing, MARGIN_DB):
            difference = f"{psnr(other) - psnr(seeing):.2f} dB below {other.attack} ({psnr(other):.2f} dB)"
            found = f"scores {psnr(seeing):.2f} dB, {difference}, which does not know the client's weights"
            yield Finding.of(seeing, found, other)


def below_mean_image(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks below the mean image, which ignores the wire."""
    for row, other in same_setting(board, REFERENCE_ATTACK):
        if board.exceeds(other, row, REFERENCE_MARGIN_DB):
            found = f"scores {psnr(row):.2f} dB, below the mean image ({psnr(other):.2f} dB)"
            yield Finding.of(row, found, other)


def below_linear_decoder(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks that may query, with images of the same kind, below the closed-form linear decoder.

    An attack with the client's weights that is already flagged for scoring below an attack without them is skipped.
    """
    flagged = {found.cell_ids[0] for found in black_box_beats_white_box(board)}
    for row, other in same_setting(board, LINEAR_DECODER):
        aux = json.loads(row.attack_params).get("aux", "same_distribution")
        comparable = aux == "same_distribution" and observations(row) == observations(other)
        queries = row.access in ("black_box", "white_box") and row.cell_id not in flagged
        if queries and comparable and board.exceeds(other, row, MARGIN_DB):
            decoder = f"{other.attack}, the closed-form linear decoder ({psnr(other):.2f} dB)"
            yield Finding.of(row, f"scores {psnr(row):.2f} dB, below {decoder}", other)
