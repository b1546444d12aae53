"""From noise to epsilon and back, by the closed form or by the accountants of opacus."""

from __future__ import annotations

import math
import warnings
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from ...benchmark.errors import UsageError
from . import analytic_gaussian

Accountant = Literal["analytic", "rdp", "prv"]

PRV_LIMIT = 12.0
"""Largest sqrt(releases) * sensitivity / sigma for ``prv``; beyond, opacus 1.6 was seen to exhaust the memory."""

MOST_NOISE = 1e6
"""Largest sigma / sensitivity that is tried for a wanted epsilon."""

TOLERANCE = 1e-6
"""Relative precision of the noise found with the accountants of opacus."""


def epsilon_of_sigma(sigma: float, delta: float, releases: int, accountant: Accountant) -> float:
    """The epsilon that Gaussian noise promises together with ``delta``.

    Args:
        sigma: standard deviation of the noise in units of the sensitivity.
        delta: in (0, 1).
        releases: independent releases of one value that the promise covers.
        accountant: ``analytic`` is exact, ``rdp`` and ``prv`` are upper bounds.

    Raises:
        UsageError: if there is too little noise for ``prv``.
    """
    if accountant == "analytic":
        return analytic_gaussian.epsilon_of_sigma(sigma, delta, releases)
    from opacus.accountants import create_accountant

    if accountant == "prv" and math.sqrt(releases) / sigma > PRV_LIMIT * (1 + TOLERANCE):
        raise UsageError(
            f"accountant 'prv' needs sqrt(releases) * sensitivity / sigma of at most {PRV_LIMIT:g}, "
            f"here it is {math.sqrt(releases) / sigma:.4g}; use 'analytic', which is exact at any noise"
        )
    ledger = create_accountant(mechanism=accountant)
    ledger.history = [(sigma, 1.0, releases)]  # sample rate 1: every image is sent
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        # True and harmless: with little or much noise RDP is loose, which is what its epsilon then says.
        warnings.filterwarnings("ignore", message="Optimal order is the")
        return float(ledger.get_epsilon(delta=delta))


def sigma_of_epsilon(epsilon: float, delta: float, releases: int, accountant: Accountant) -> float:
    """The smallest standard deviation, in units of the sensitivity, that promises (epsilon, delta).

    Raises:
        UsageError: if the accountant cannot show so small or so large an epsilon.
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
        if enough > MOST_NOISE:
            raise UsageError(
                f"accountant {accountant!r} cannot show epsilon = {epsilon:g} at delta = {delta:g}, however much "
                f"noise is added; use 'analytic', which is exact"
            )
    root = float(brentq(excess, exact, enough, rtol=TOLERANCE, xtol=TOLERANCE * exact))  # pyright: ignore[reportArgumentType]
    return root * (1 + 2 * TOLERANCE)  # on the side of more noise
