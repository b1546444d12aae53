"""The bound on identification, against attackers that know everything."""

import math

import pytest
import torch
from mia_bench.benchmark.interfaces import Promise
from mia_bench.benchmark.metrics.identification_bound import identification_bound
from mia_bench.defenses._dp.grid_channel import GridNoiseChannel
from scipy.stats import norm
from torch import Tensor

DRAWS = 40


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def reach(noise: str, sigma: float) -> Promise:
    """The promise of noise on values clipped to norm 1."""
    if noise == "gaussian":
        return Promise("test", gaussian_reach=1 / sigma)
    return Promise("test", laplacian_reach=math.sqrt(2) / sigma)


def named(channel: GridNoiseChannel, values: Tensor, observations: int) -> float:
    """The share that the attacker with the largest likelihood names, over fresh wires."""
    right = 0.0
    for _ in range(DRAWS):
        likelihood = torch.zeros(len(values), len(values), dtype=torch.float64)
        for _ in range(observations):
            for row, sent in zip(likelihood, channel(values), strict=True):
                row += channel.log_density(values, sent.expand_as(values))
        right += (likelihood.argmax(1) == torch.arange(len(values))).double().mean().item() / DRAWS
    return right


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["gaussian", "laplacian"])
@pytest.mark.parametrize(("sigma", "observations"), [(0.2, 1), (0.5, 1), (1.0, 1), (1.0, 4), (3.0, 1), (10.0, 1)])
def test_no_attacker_that_owns_the_candidates_beats_the_bound(noise: str, sigma: float, observations: int) -> None:
    values = 9 * torch.eye(50) if noise == "gaussian" else torch.cat([9 * torch.eye(25), -9 * torch.eye(25)])
    channel = GridNoiseChannel(noise=noise, sigma=sigma, clip=1.0)  # type: ignore[arg-type]
    images = torch.arange(50.0).view(50, 1, 1, 1) / 50
    bound = identification_bound(reach(noise, sigma), images, observations=observations)
    assert bound is not None
    found = named(channel, values, observations)
    assert 1 / 50 - 0.02 < found <= bound + 4 * math.sqrt(bound * (1 - bound) / 50 / DRAWS) + 1e-3


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.0])
def test_two_opposite_candidates_reach_the_bound(sigma: float) -> None:
    channel = GridNoiseChannel(noise="gaussian", sigma=sigma, clip=1.0)
    values = torch.tensor([[1.0], [-1.0]]).repeat(2000, 1)  # 2000 independent games of two candidates
    found = (channel(values).sign() == values.sign()).double().mean().item()
    images = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    bound = identification_bound(reach("gaussian", sigma), images)
    assert bound == pytest.approx(norm.cdf(1 / sigma))
    assert found == pytest.approx(bound, abs=0.03)


@pytest.mark.parametrize(
    ("ratio", "count", "bound"), [(0.5, 100, 0.034), (1, 100, 0.092), (1, 1000, 0.0183), (2, 1000, 0.138)]
)
def test_the_bound_agrees_with_the_table(ratio: float, count: int, bound: float) -> None:
    places = torch.arange(count)
    images = torch.stack([places // 100, places % 100], 1).view(count, 1, 1, 2) / 100
    assert identification_bound(Promise("test", gaussian_reach=ratio), images) == pytest.approx(bound, abs=6e-4)


def test_equal_images_are_identified_together() -> None:
    images = torch.tensor([0.1, 0.1, 0.5, 0.9]).view(4, 1, 1, 1)
    assert identification_bound(Promise("test", gaussian_reach=1e-9), images) == pytest.approx(0.5)


def test_without_a_clip_there_is_no_bound() -> None:
    assert identification_bound(Promise(), torch.zeros(2, 1, 1, 1)) is None
