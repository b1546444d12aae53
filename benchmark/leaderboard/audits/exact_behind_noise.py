"""Signs that an attack has the private images: it is exact where noise leaves no attacker that much."""

from __future__ import annotations

from collections.abc import Iterator

from ...plan.references import REFERENCE_ATTACK
from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows, psnr

EXACT_DB = 99.0
"""From this PSNR on, an image is exact; identical images have 100 dB."""
PRIOR_DB = 40.0
"""How many dB an honest attack may be above an unbiased one, since it knows what images look like. At most 35 dB were
measured: with ridge on photos, behind noise so strong that nearly all of the reconstruction is this knowledge."""


def exact_behind_noise(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks that return every image exactly, where the Fisher information of the noise is far from enough.

    Defenses whose noise has no density are left out: behind dropout, for example, an honest attack may be exact.
    """
    for row in board.rows:
        unbiased, images = board.details(row).get("dfil_unbiased_psnr_db"), board.images(row)
        if row.attack == REFERENCE_ATTACK or row.leak_r2 is None or unbiased is None or not len(images):
            continue  # images that all equal the mean image are exact without a wire
        if images.min() >= EXACT_DB and unbiased < EXACT_DB - PRIOR_DB:
            found = f"scores {psnr(row):.2f} dB, and an unbiased attacker {unbiased:.2f} dB because of the noise"
            yield Finding.of(row, found)


KIND = FlagKind(
    identifier="exact-behind-noise",
    meaning="An attack returns every image exactly, although the noise on the wire leaves far too little of them.",
    causes=(
        "The attack had access to the private images, for example through a data file or a module variable.",
        "The defense publishes a wrong density (`log_density`) or does not send what it publishes.",
        "The noise is sent with its low bits, which tell more than its density. Send `drop_low_bits` of it.",
        "The images are so few or so simple that a prior determines every pixel.",
    ),
    remedy="Do not report these scores. Check where the attack gets its images and what the defense publishes.",
    find=exact_behind_noise,
)
