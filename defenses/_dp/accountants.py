"""Conversion between noise and epsilon, in closed form or by the accountants of opacus."""

from __future__ import annotations

import math
import warnings
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from ...benchmark.errors import UsageError
from . import analytic_gaussian

Accountant = Literal["analytic", "rdp", "prv"]

MAX_PRV_RATIO = 12.0
"""Largest sqrt(releases) * sensitivity / sigma for ``prv``. Above it, opacus 1.6 was seen to exhaust the memory."""

MAX_RELATIVE_SIGMA = 1e6
"""Largest sigma / sensitivity that is tried to reach an epsilon."""

RELATIVE_TOLERANCE = 1e-6
"""Relative precision of the noise that is found with the accountants of opacus."""


def epsilon_of_sigma(sigma: float, delta: float, releases: int, accountant: Accountant) -> float:
    """Return the epsilon that Gaussian noise guarantees together with ``delta``.

    Args:
        sigma: Standard deviation of the noise, in units of the sensitivity.
        delta: Probability that the guarantee fails, in (0, 1).
        releases: Number of independent releases of one value that the guarantee covers.
        accountant: ``analytic`` is exact; ``rdp`` and ``prv`` are upper bounds.

    Raises:
        UsageError: If there is too little noise for ``prv``, or opacus cannot compute the epsilon.
    """
    if accountant == "analytic":
        return analytic_gaussian.epsilon_of_sigma(sigma, delta, releases)
    from opacus.accountants import create_accountant

    if accountant == "prv" and math.sqrt(releases) / sigma > MAX_PRV_RATIO * (1 + RELATIVE_TOLERANCE):
        raise UsageError(
            f"Expected sqrt(releases) * sensitivity / sigma of at most {MAX_PRV_RATIO:g} for the accountant 'prv', "
            f"got {math.sqrt(releases) / sigma:.4g}. Use 'analytic', which is exact for any noise."
        )
    ledger = create_accountant(mechanism=accountant)
    ledger.history = [(sigma, 1.0, releases)]  # The sample rate is 1, since every image is sent.
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        # The warning is true and harmless: with little or much noise, RDP gives a loose epsilon.
        warnings.filterwarnings("ignore", message="Optimal order is the")
        try:
            return max(0.0, float(ledger.get_epsilon(delta=delta)))
        except (ValueError, RuntimeError) as error:
            raise UsageError(
                f"Expected noise whose epsilon the accountant {accountant!r} can compute, got sigma = {sigma:.4g} "
                f"sensitivities and delta = {delta:g}. Use 'analytic', which is exact for any noise."
            ) from error


def sigma_of_epsilon(epsilon: float, delta: float, releases: int, accountant: Accountant) -> float:
    """Return the smallest standard deviation, in units of the sensitivity, that guarantees (epsilon, delta).

    Args:
        epsilon: Epsilon of the guarantee, above 0.
        delta: Probability that the guarantee fails, in (0, 1).
        releases: Number of independent releases of one value that the guarantee covers.
        accountant: ``analytic`` is exact; ``rdp`` and ``prv`` need more noise.

    Raises:
        UsageError: If the accountant cannot prove so small or so large an epsilon.
    """
    exact = analytic_gaussian.sigma_of_epsilon(epsilon, delta, releases)
    if accountant == "analytic":
        return exact

    def excess(sigma: float) -> float:
        return epsilon_of_sigma(sigma, delta, releases, accountant) - epsilon

    if excess(exact) <= 0:
        return exact
    enough = 2 * exact
    while excess(enough) > 0:
        enough *= 2
        if enough > MAX_RELATIVE_SIGMA:
            raise UsageError(
                f"Expected an epsilon that the accountant {accountant!r} can prove with sigma of at most "
                f"{MAX_RELATIVE_SIGMA:g} sensitivities, got {epsilon:g} at delta = {delta:g}. Use 'analytic', which is "
                "exact, or raise epsilon."
            )
    root = float(brentq(excess, exact, enough, rtol=RELATIVE_TOLERANCE, xtol=RELATIVE_TOLERANCE * exact))  # pyright: ignore[reportArgumentType]
    return root * (1 + 2 * RELATIVE_TOLERANCE)  # Rounded towards more noise.
