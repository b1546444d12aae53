"""An attack beats a bound on every attacker."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...metrics.intervals import interval
from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows, psnr

TOO_STRICT_DB = 0.1
"""By how much the bound for a known prior may be too strict, since it is estimated; see ``van_trees_mse``."""
ROUNDING_DB = 5e-6
"""By how much the rounding in records may make a bound too strict."""


def beats_bound(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks above the gallery bound, as mean PSNR or PSNR of the mean error, or above that of a known prior."""
    for row in board.rows:
        details, errors = board.details(row), 10 ** (-board.images(row) / 10)
        _, largest = interval(errors, sources=board.sources(row))
        surely = -math.inf if largest is None else _decibels(largest)  # what the PSNR of the mean error exceeds
        ceiling = details.get("bound_psnr_db_high", row.bound_psnr_db)
        of_mean = details.get("bound_psnr_of_mean_mse_db_high", details.get("bound_psnr_of_mean_mse_db"))
        if row.psnr_db_low is not None and ceiling is not None and row.psnr_db_low > ceiling:
            yield Finding.of(row, f"scores {psnr(row):.2f} dB, above the gallery bound of {ceiling:.2f} dB")
        elif of_mean is not None and surely > of_mean + ROUNDING_DB:
            below = f"has a mean squared error below that of the gallery bound ({of_mean:.2f} dB)"
            yield Finding.of(row, below)
        of_prior = details.get("bound_van_trees_psnr_db")
        if of_prior is not None and surely > of_prior + TOO_STRICT_DB:
            below = f"has a mean squared error below the smallest possible for the prior ({of_prior:.2f} dB)"
            yield Finding.of(row, below)


def _decibels(error: float) -> float:
    return math.inf if error <= 0 else -10 * math.log10(error)


KIND = FlagKind(
    identifier="beats-bound",
    meaning="An attack scores above a bound, which no attack exceeds that takes each image from its own wires.",
    causes=(
        "The attack had access to the private images, for example through a data file or a module variable.",
        "The defense publishes a wrong density (`log_density`), so the bound is too low.",
        "The noise is sent with its low bits, which tell more than its density. Send `drop_low_bits` of it.",
        "The attack matches the wires of several images with each other, which is honest and beyond this bound.",
    ),
    remedy="Do not report these scores. Check where the attack gets its images and what the defense publishes.",
    find=beats_bound,
)
