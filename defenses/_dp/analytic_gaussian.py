"""The exact privacy of Gaussian noise in closed form.

The privacy is a function of mu = sensitivity / sigma. Independent releases of one value compose exactly to
mu_n = sqrt(n) mu, so no numerical accountant is tighter.

Source: Balle & Wang, ICML 2018, "Improving the Gaussian mechanism for differential privacy", Theorem 8; composition:
Dong, Roth, Su, 2019, "Gaussian differential privacy".
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.special import erfcx, log_ndtr, ndtri


def delta_of_epsilon(epsilon: float, mu: float) -> float:
    """Return the smallest delta for which noise with sensitivity / sigma = ``mu`` is (epsilon, delta)-private.

    It is Phi(u) - exp(epsilon) Phi(-w), with u = mu / 2 - epsilon / mu and w = mu / 2 + epsilon / mu.
    """
    return _delta(mu / 2 - epsilon / mu, mu / 2 + epsilon / mu)


def epsilon_of_sigma(sigma: float, delta: float, releases: int = 1) -> float:
    """Return the smallest epsilon that Gaussian noise guarantees together with ``delta``.

    Args:
        sigma: Standard deviation of the noise, in units of the sensitivity.
        delta: Probability that the guarantee fails, in (0, 1).
        releases: Number of independent releases of one value that the guarantee covers.

    Example:
        >>> round(epsilon_of_sigma(sigma=1.0, delta=1e-5), 2)
        4.38
    """
    mu = math.sqrt(releases) / sigma
    if _delta(mu / 2, mu / 2) <= delta:
        return 0.0

    # The equation is solved for u, since epsilon = mu (mu / 2 - u) would lose digits where mu is large.
    def excess(u: float) -> float:
        return _delta(u, mu - u) - delta

    low = float(ndtri(delta))  # For large mu, the second term of delta is below the resolution of the first.
    u = low if excess(low) >= 0 else _root(excess, low, mu / 2)
    return mu * (mu / 2 - u)


def sigma_of_epsilon(epsilon: float, delta: float, releases: int = 1) -> float:
    """Return the smallest standard deviation, in units of the sensitivity, that guarantees (epsilon, delta)."""

    def excess(log_mu: float) -> float:
        return delta_of_epsilon(epsilon, math.exp(log_mu)) - delta

    low = high = math.log(2 * epsilon) / 2  # A rough solution at which nothing overflows.
    while excess(low) > 0:
        low -= 1
    while excess(high) < 0:
        high += 1
    return math.sqrt(releases) / math.exp(_root(excess, low, high))


def _delta(u: float, w: float) -> float:
    """Return Phi(u) - exp((w^2 - u^2) / 2) Phi(-w). The exponential is part of ``erfcx``, so nothing overflows."""
    first = float(log_ndtr(u))
    second = math.log(float(erfcx(w / math.sqrt(2))) / 2) - u * u / 2
    return math.exp(first) * -float(np.expm1(second - first))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-13, rtol=1e-13))  # pyright: ignore[reportArgumentType]
