"""An attack scores without regard to the wire."""

from __future__ import annotations

from collections.abc import Iterator

from ...plan.references import REFERENCE_ATTACK
from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows, psnr
from .comparisons import NOTHING_DB, same_setting, tells_no_images_apart


def ignores_wire(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks above the mean image that score as well when compared with other private images.

    An attack at the mean image has learned nothing, which is honest. To score above it without distinguishing
    images takes knowledge of the private images that does not come from the wire.
    """
    for row, other in same_setting(board, REFERENCE_ATTACK):
        above = psnr(row) - psnr(other)
        if tells_no_images_apart(board, row, above) and board.exceeds(row, other, NOTHING_DB):
            wrong = board.details(row)["psnr_db_wrong_image"]
            found = f"scores {psnr(row):.2f} dB, {above:.2f} dB above the mean image, and {wrong:.2f} dB"
            yield Finding.of(row, f"{found} when compared with other private images", other)


KIND = FlagKind(
    identifier="ignores-wire",
    meaning="An attack scores above the mean image, and equally well when compared with other private images.",
    causes=(
        "The attack knows the private images from another source than the wire.",
        "The attack returns one good image for all wires.",
    ),
    remedy="Do not report these scores. Check that permuting the wires permutes the reconstructions.",
    find=ignores_wire,
)
