"""An attack without the client's weights beats those with them."""

from __future__ import annotations

from collections.abc import Iterator

from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows, observations, psnr
from .comparisons import MARGIN_DB, on_secret_wires


def black_box_beats_white_box(board: ScoredRows) -> Iterator[Finding]:
    """Find settings where the strongest attack with the client's weights is below the strongest one without.

    Wires that are promised to be secret are skipped: there it is chance which attack is lower.
    """
    secret = on_secret_wires(board)
    for rows in board.groups("attack", "attack_params", rest=observations):
        white = [row for row in rows if row.access == "white_box"]
        blind = [row for row in rows if row.access != "white_box"]
        if not white or not blind:
            continue
        seeing, other = max(white, key=psnr), max(blind, key=psnr)
        if seeing.cell_id not in secret and board.exceeds(other, seeing, MARGIN_DB):
            difference = f"{psnr(other) - psnr(seeing):.2f} dB below {other.attack} ({psnr(other):.2f} dB)"
            found = f"scores {psnr(seeing):.2f} dB, {difference}, which does not know the client's weights"
            yield Finding.of(seeing, found, other)


KIND = FlagKind(
    identifier="black-box-beats-white-box",
    meaning="The strongest attack with the client's weights scores below an attack without them.",
    causes=(
        "The defense masks gradients, for example by rounding or saturation, and the attack does not go around it.",
        "The optimization stops too early, or its prior does not fit the images.",
    ),
    remedy="Raise the iterations of the white-box attack. Until then, take the higher score as the leak.",
    find=black_box_beats_white_box,
)
