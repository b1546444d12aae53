"""An attack reads nothing from byte strings that are not encrypted."""

from __future__ import annotations

from collections.abc import Iterator

from ...plan.references import REFERENCE_ATTACK
from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows, psnr
from .comparisons import NOTHING_DB, same_setting


def unread_bytes(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks that are no better than the mean image on byte strings that nothing encrypts or says how to read."""
    for row, other in same_setting(board, REFERENCE_ATTACK):
        if board.details(row).get("unread_bytes") and not board.exceeds(row, other, NOTHING_DB):
            found = f"scores {psnr(row):.2f} dB, and the mean image {psnr(other):.2f} dB, on byte strings without a key"
            yield Finding.of(row, found, other)


KIND = FlagKind(
    identifier="unread-bytes",
    meaning="An attack is not shown to learn anything from byte strings that no guarantee says to be secret.",
    causes=(
        "The defense codes what it sends, for example by compression, and does not say how the bytes are read.",
        "The bytes are encrypted, and the defense does not state its guarantee.",
    ),
    remedy="This is not privacy. Define `Wire.view` or `Channel.read`, or state the guarantee, and run again.",
    find=unread_bytes,
)
