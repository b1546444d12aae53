"""An attack is below the linear decoder."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows, observations, psnr
from .black_box_beats_white_box import black_box_beats_white_box
from .comparisons import MARGIN_DB, on_secret_wires, same_setting

LINEAR_DECODER = "ridge"
"""The attack that needs no training, and that any attack with as many queries should reach."""


def below_linear_decoder(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks that may query, with images of the same kind, below the closed-form linear decoder.

    An attack with the client's weights that is already flagged for scoring below an attack without them is skipped, and
    so are attacks on wires that are promised to be secret, from which no decoder learns.
    """
    skipped = {found.cell_ids[0] for found in black_box_beats_white_box(board)} | on_secret_wires(board)
    for row, other in same_setting(board, LINEAR_DECODER):
        aux = json.loads(row.attack_params).get("aux", "same_distribution")
        comparable = aux == "same_distribution" and observations(row) == observations(other)
        queries = row.access in ("black_box", "white_box") and row.cell_id not in skipped
        if queries and comparable and board.exceeds(other, row, MARGIN_DB):
            decoder = f"{other.attack}, the closed-form linear decoder ({psnr(other):.2f} dB)"
            yield Finding.of(row, f"scores {psnr(row):.2f} dB, below {decoder}", other)


KIND = FlagKind(
    identifier="below-linear-decoder",
    meaning="An attack with queries scores below `ridge`, the closed-form linear decoder with the same queries.",
    causes=(
        "The attack is trained for too few steps, or its attacker has too few images.",
        "The architecture of the decoder does not fit the intermediate representation.",
    ),
    remedy="Do not use this attack alone to measure a leak. Raise its epochs and steps, or keep `ridge` beside it.",
    find=below_linear_decoder,
)
