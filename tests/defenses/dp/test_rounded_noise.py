"""The exact sampler of rounded noise."""

import secrets

import numpy as np
import pytest
import scipy.stats
import torch
from mia_bench.defenses._dp.rounded_noise import STEPS_PER_SIGMA, magnitudes, sample

LAWS = {
    "gaussian": scipy.stats.norm(scale=STEPS_PER_SIGMA),
    "laplacian": scipy.stats.laplace(scale=STEPS_PER_SIGMA / 2**0.5),
}
kinds = pytest.mark.parametrize("noise", LAWS)


def p_value(found: torch.Tensor, edges: np.ndarray, law) -> float:
    """The p-value of a chi-square test of integers against the probabilities of a rounded law between the edges."""
    expected = np.diff(law.cdf(np.concatenate([[-np.inf], edges + 0.5, [np.inf]]))) * len(found)
    counts = np.bincount(np.searchsorted(edges, found.numpy()), minlength=len(expected))
    return float(scipy.stats.chisquare(counts, expected).pvalue)


@kinds
@pytest.mark.parametrize("randomness", ["seeded", "secure"])
@pytest.mark.parametrize("edges", [np.arange(-30, 31), np.arange(-1000, 1001, 50)], ids=["center", "tails"])
def test_samples_follow_the_rounded_law(noise, randomness, edges):
    found = sample(torch.Size([400_000]), noise=noise, randomness=randomness, device=torch.device("cpu"))
    assert torch.equal(found, found.round())
    assert p_value(found, edges, LAWS[noise]) > 1e-6


@pytest.mark.slow
@kinds
def test_magnitudes_are_exact_where_the_table_alone_does_not_decide(noise):
    bits = 12  # Nearly every number is then undecided.
    uniform = torch.arange(0, 2**bits, 4)
    found = magnitudes(uniform, noise, bits, secrets.randbits)
    half = scipy.stats.foldnorm(0, scale=STEPS_PER_SIGMA) if noise == "gaussian" else scipy.stats.expon(scale=181.0193)
    assert p_value(found.double(), np.arange(0, 1200, 40), half) > 1e-6
    low, high = (half.ppf((uniform.numpy() + more) / 2**bits) for more in (0, 1))
    assert (found.numpy() >= np.round(low) - 1e-9).all()
    assert (found.numpy() <= np.round(high) + 1e-9).all()


def test_seeded_noise_repeats_and_secure_noise_does_not():
    def draw(randomness: str) -> list[float]:
        torch.manual_seed(0)
        return sample(torch.Size([50]), noise="gaussian", randomness=randomness, device=torch.device("cpu")).tolist()

    assert draw("seeded") == draw("seeded")
    assert draw("secure") != draw("secure")
