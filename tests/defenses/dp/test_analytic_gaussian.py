"""The closed form against numbers computed elsewhere, numerical integration and its own invariants."""

import math

import pytest
import torch
from mia_bench.defenses._dp.analytic_gaussian import delta_of_epsilon, epsilon_of_sigma, sigma_of_epsilon
from scipy.integrate import quad
from scipy.stats import norm

EXACT = [
    (0.1, 1, 91.8173),
    (0.25, 1, 24.3816),
    (0.5, 1, 9.9973),
    (1, 1, 4.3772),
    (1, 10, 17.8566),
    (1, 100, 91.8173),
    (2, 1, 1.9931),
    (4, 1, 0.9263),
    (4, 100, 13.2067),
    (8, 10, 1.5347),
    (16, 100, 2.5599),
]
EPSILONS = (0.5, 1, 2, 4, 8, 16, 32, 100)
SIGMAS = {
    1e-5: (7.031827, 3.730632, 1.993812, 1.081162, 0.600229, 0.344177, 0.204935, 0.094670),
    1e-6: (8.057618, 4.224679, 2.230476, 1.193519, 0.652935, 0.368612, 0.216187, 0.097837),
}


@pytest.mark.parametrize(("sigma", "releases", "epsilon"), EXACT)
def test_epsilon_agrees_with_the_table(sigma, releases, epsilon):
    assert epsilon_of_sigma(sigma, 1e-5, releases) == pytest.approx(epsilon, abs=5.1e-5)


@pytest.mark.parametrize("delta", SIGMAS)
def test_sigma_agrees_with_the_table(delta):
    found = [sigma_of_epsilon(epsilon, delta) for epsilon in EPSILONS]
    assert found == pytest.approx(SIGMAS[delta], abs=5.1e-7)


def test_sigma_one_tenth_of_an_ir_clipped_to_one():
    assert epsilon_of_sigma(0.1 / 2, 1e-5) == pytest.approx(284.4, abs=0.05)


def test_delta_agrees_with_known_values():
    assert delta_of_epsilon(0, 1) == pytest.approx(2 * norm.cdf(0.5) - 1, rel=1e-12)
    assert delta_of_epsilon(0, 1) == pytest.approx(0.382925, abs=5e-7)
    assert delta_of_epsilon(1, 1) == pytest.approx(0.1269367, abs=5e-8)


@pytest.mark.parametrize(("epsilon", "mu"), [(0.1, 0.3), (1, 1), (2, 3), (8, 4), (40, 9)])
def test_delta_agrees_with_numerical_integration(epsilon, mu):
    def surplus(x: float) -> float:
        return max(0.0, norm.pdf(x, mu) - math.exp(epsilon) * norm.pdf(x))

    crossing = epsilon / mu + mu / 2
    integral = quad(surplus, crossing, crossing + 12, epsabs=1e-14)[0]
    assert delta_of_epsilon(epsilon, mu) == pytest.approx(integral, rel=1e-6)


def test_delta_agrees_with_sampled_privacy_losses():
    mu, epsilon = 1.0, 1.0
    losses = mu**2 / 2 + mu * torch.randn(2_000_000, dtype=torch.float64)
    sampled = (1 - (epsilon - losses).exp()).clamp(min=0).mean().item()
    assert delta_of_epsilon(epsilon, mu) == pytest.approx(sampled, abs=1e-3)


def test_releases_count_like_less_noise():
    for sigma, releases in ((1.0, 7), (0.2, 30), (9.0, 2)):
        once = epsilon_of_sigma(sigma / math.sqrt(releases), 1e-5)
        assert epsilon_of_sigma(sigma, 1e-5, releases) == pytest.approx(once, rel=1e-12)
        assert sigma_of_epsilon(2, 1e-5, releases) == pytest.approx(sigma_of_epsilon(2, 1e-5) * math.sqrt(releases))


def test_epsilon_is_monotone_in_every_argument():
    sigmas = [epsilon_of_sigma(sigma, 1e-5) for sigma in (0.01, 0.1, 0.5, 1, 3, 10, 100)]
    deltas = [epsilon_of_sigma(1, delta) for delta in (1e-30, 1e-12, 1e-6, 1e-3, 0.1, 0.3)]
    releases = [epsilon_of_sigma(1, 1e-5, count) for count in (1, 2, 5, 100, 10_000)]
    assert sigmas == sorted(sigmas, reverse=True)
    assert deltas == sorted(deltas, reverse=True)
    assert releases == sorted(releases)


@pytest.mark.parametrize("epsilon", [1e-4, 0.3, 5, 200, 1e6, 1e12])
@pytest.mark.parametrize("delta", [1e-12, 1e-5, 0.2])
def test_epsilon_and_sigma_are_inverse(epsilon, delta):
    assert epsilon_of_sigma(sigma_of_epsilon(epsilon, delta), delta) == pytest.approx(epsilon, rel=1e-6)


def test_next_to_no_noise_gives_a_huge_finite_epsilon():
    assert epsilon_of_sigma(1e-9, 1e-5) == pytest.approx(0.5e18, rel=1e-6)


def test_so_much_noise_that_delta_alone_suffices_gives_epsilon_zero():
    assert epsilon_of_sigma(1e6, 1e-5) == 0
