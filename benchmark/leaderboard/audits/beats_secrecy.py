"""An attack reconstructs images from wires that are promised to be secret."""

from __future__ import annotations

from collections.abc import Iterator

from ...metrics.intervals import margin
from ...plan.references import REFERENCE_ATTACK
from ..flags import Finding, FlagKind
from ..records import Row
from ..scored_rows import ScoredRows, psnr
from .comparisons import NOTHING_DB, promises_secrecy, same_setting

DOUBT = 1e-3
"""Probability beyond the quantile of Student's distribution. In simulations, attacks that ignore the wire had the flag
in at most 0.3 % of boards with 16 images of which most are black, and in none with other images or 64 of them."""
MIN_IMAGES = 10
"""Images below which an attack that guesses which of two kinds each image is may be right every time."""


def beats_secrecy(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks that reconstruct more than the mean image from wires that are promised to be secret.

    They must surely score higher on the right images than on other private ones: where images are very dark or very
    bright, a guess that does not depend on the wire may have a higher mean PSNR than the mean image.
    """
    for row, mean in same_setting(board, REFERENCE_ATTACK):
        if promises_secrecy(row) and row.bound_identified is not None and _reads(board, row, mean):
            above = psnr(row) - psnr(mean)
            found = f"scores {psnr(row):.2f} dB, {above:.2f} dB above the mean image, on wires that are promised secret"
            yield Finding.of(row, f"{found} by {row.guarantee}", mean)


def _reads(board: ScoredRows, row: Row, mean: Row) -> bool:
    """Return whether an attack is above the mean image, and above its own score on other images, beyond chance.

    If the wires tell nothing, both scores are of reconstructions of one distribution for all images, so sources do not
    matter and their errors are about equal. That of their difference is at most twice as large.
    """
    here, there, wrong = board.images(row), board.images(mean), board.details(row).get("psnr_db_wrong_image")
    if wrong is None or len(here) != len(there) or len(here) < MIN_IMAGES or psnr(row) - psnr(mean) <= NOTHING_DB:
        return False
    error = margin(here - there, confidence=1 - 2 * DOUBT)
    return error is not None and psnr(row) - wrong > 2 * error


KIND = FlagKind(
    identifier="beats-secrecy",
    meaning="An attack reconstructs more than the mean image from wires that are promised to be secret.",
    causes=(
        "The ciphertexts depend on the image, for example by a key or a nonce that is used again.",
        "The attack had access to the private images, for example through a data file or a module variable.",
    ),
    remedy="Report neither the scores nor the guarantee. Check how what is sent is encrypted and where the attack gets "
    "its images.",
    find=beats_secrecy,
)
