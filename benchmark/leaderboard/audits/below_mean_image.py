"""An attack is below the mean image."""

from __future__ import annotations

from collections.abc import Iterator

from ...plan.references import REFERENCE_ATTACK
from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows, psnr
from .comparisons import on_secret_wires, same_setting

REFERENCE_MARGIN_DB = 0.2
"""How far below the mean image an attack may score."""


def below_mean_image(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks below the mean image, which ignores the wire, except on wires that are promised to be secret."""
    secret = on_secret_wires(board)
    for row, other in same_setting(board, REFERENCE_ATTACK):
        if row.cell_id not in secret and board.exceeds(other, row, REFERENCE_MARGIN_DB):
            found = f"scores {psnr(row):.2f} dB, below the mean image ({psnr(other):.2f} dB)"
            yield Finding.of(row, found, other)


KIND = FlagKind(
    identifier="below-mean-image",
    meaning="An attack scores below the mean image, which ignores the wire.",
    causes=(
        "The optimization diverged or stopped too early.",
        "The attacker has too few images or training steps for this attack.",
        "The attack does not know the defense (`adaptive=false`).",
    ),
    remedy="The attack failed, which is not privacy. Raise its iterations or steps, or attack more images.",
    find=below_mean_image,
)
