"""An attack identifies more images than a bound on every attacker allows who takes each from its own wires."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scipy.special import bdtrc

from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows

DOUBT = 1e-3
"""Largest probability of as many identified images, or more, for an attack that is as good as its bound."""


def beats_identification_bound(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks that identify more images than chance lets any attack within the bound identify.

    The bound is on the share among the attacked images. Rows without records only have that among more images, which is
    smaller.

    The probability is that of the binomial distribution, which is the largest of all independent images whose mean
    probability is the bound. Images of one source count as one.

    Source: Hoeffding, Annals of Mathematical Statistics 27 (1956) 713, Theorem 5.
    """
    for row in board.rows:
        share = board.details(row).get("identified_among_attacked", row.identified)
        if share is None or row.bound_identified is None or share <= row.bound_identified:
            continue
        sources = board.sources(row)
        total = len(set(sources)) if sources else row.n_images
        count = math.floor(min(share, 1.0) * total + 1e-3)  # after the rounding of the column
        if bdtrc(count - 1, total, row.bound_identified) < DOUBT:
            promised = "" if row.epsilon is None or row.guarantee is None else f" by {row.guarantee}"
            found = f"identifies {share:.1%} of {row.n_images} images, and at most {row.bound_identified:.1%}"
            yield Finding.of(row, f"{found} are possible{promised}")


KIND = FlagKind(
    identifier="beats-identification-bound",
    meaning="An attack identifies more images than any attack can that takes each image from its own wires.",
    causes=(
        "The defense promises an epsilon that its noise does not keep.",
        "The defense promises secrecy, but its ciphertexts depend on the image, for example by a nonce that repeats.",
        "The defense publishes a wrong density (`log_density`), so the bound is too low.",
        "The noise is sent with its low bits, which tell more than its density. Send `drop_low_bits` of it.",
        "The attack had access to the private images, for example through a data file or a module variable.",
        "The attack matches the wires of several images with each other, which is honest and beyond this bound.",
    ),
    remedy="Report neither the scores nor the guarantee. Check what the defense promises and what the attack uses.",
    find=beats_identification_bound,
)
