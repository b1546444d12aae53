"""The accountants of opacus beside the closed form."""

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.defenses._dp.accountants import epsilon_of_sigma, sigma_of_epsilon

OPACUS = [
    (0.1, 1, 96.1163, 91.8295),
    (0.25, 1, 25.9309, 24.3925),
    (0.5, 1, 10.7255, 10.0077),
    (1, 1, 4.7285, 4.3874),
    (1, 10, 19.0536, 17.8673),
    (1, 100, 96.1163, 91.8295),
    (2, 1, 2.1657, 2.0032),
    (4, 1, 1.0126, 0.9364),
    (4, 100, 14.1322, 13.2173),
    (8, 10, 1.6712, 1.5448),
    (16, 100, 2.7766, 2.5701),
]


@pytest.mark.parametrize(("sigma", "releases", "rdp", "prv"), OPACUS)
def test_opacus_agrees_with_the_table_and_bounds_the_closed_form(sigma, releases, rdp, prv):
    assert epsilon_of_sigma(sigma, 1e-5, releases, "rdp") == pytest.approx(rdp, abs=5.1e-5)
    assert epsilon_of_sigma(sigma, 1e-5, releases, "prv") == pytest.approx(prv, abs=2e-4)
    exact = epsilon_of_sigma(sigma, 1e-5, releases, "analytic")
    assert exact <= epsilon_of_sigma(sigma, 1e-5, releases, "prv") <= epsilon_of_sigma(sigma, 1e-5, releases, "rdp")


@pytest.mark.parametrize(
    ("accountant", "epsilon", "sigma"),
    [("rdp", 8, 0.63782), ("prv", 8, 0.60120), ("rdp", 1, 4.0625), ("prv", 1, 3.7891)],
)
def test_noise_for_an_epsilon_agrees_with_opacus_own_search(accountant, epsilon, sigma):
    # opacus stops when epsilon is met within 0.01, and adds no less noise than needed.
    found = sigma_of_epsilon(epsilon, 1e-5, 1, accountant)
    assert sigma * 0.985 <= found <= sigma


@pytest.mark.parametrize("accountant", ["rdp", "prv"])
@pytest.mark.parametrize(("epsilon", "releases"), [(0.7, 1), (8, 1), (3, 20)])
def test_noise_for_an_epsilon_keeps_it_closely(accountant, epsilon, releases):
    sigma = sigma_of_epsilon(epsilon, 1e-5, releases, accountant)
    spent = epsilon_of_sigma(sigma, 1e-5, releases, accountant)
    assert epsilon * 0.999 <= spent <= epsilon


def test_prv_refuses_noise_that_would_exhaust_the_memory():
    with pytest.raises(UsageError, match=r"at most 12 .*, got 20\. Use 'analytic'"):
        epsilon_of_sigma(0.05, 1e-5, 1, "prv")
    with pytest.raises(UsageError, match="at most 12"):
        sigma_of_epsilon(500, 1e-5, 1, "prv")


@pytest.mark.parametrize("accountant", ["rdp", "prv"])
def test_an_epsilon_that_no_noise_can_show_is_an_error(accountant):
    with pytest.raises(UsageError, match=rf"'{accountant}' can prove .* got 0.005 at delta = 1e-05"):
        sigma_of_epsilon(0.005, 1e-5, 1, accountant)


@pytest.mark.parametrize("accountant", ["rdp", "prv"])
@pytest.mark.parametrize(("sigma", "delta"), [(20 / 2**0.5, 0.5), (1400, 0.01)])
def test_an_epsilon_is_never_negative(accountant, sigma, delta):
    assert epsilon_of_sigma(sigma, delta, 1, "analytic") == 0
    assert epsilon_of_sigma(sigma, delta, 1, accountant) >= 0


@pytest.mark.parametrize(("sigma", "delta"), [(1, 1e-20), (20, 0.99)])
def test_what_opacus_cannot_compute_is_a_sentence(sigma, delta):
    with pytest.raises(UsageError, match="whose epsilon the accountant 'prv' can compute, got sigma"):
        epsilon_of_sigma(sigma, delta, 1, "prv")
