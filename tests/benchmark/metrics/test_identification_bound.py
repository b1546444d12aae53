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


def test_only_an_attacker_who_matches_the_wires_of_several_images_identifies_more() -> None:
    wires = GridNoiseChannel(noise="gaussian", sigma=1.0, clip=1.0)(torch.tensor([[1.0], [-1.0]]).repeat(2000, 1))
    first, second = wires.view(2000, 2).unbind(1)
    bound = identification_bound(reach("gaussian", 1.0), torch.tensor([0.0, 1.0]).view(2, 1, 1, 1))
    assert bound == pytest.approx(norm.cdf(1), abs=1e-6)
    assert (first > second).double().mean().item() == pytest.approx(norm.cdf(2**0.5), abs=0.02)


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


def test_secret_wires_are_identified_by_chance_however_many_there_are() -> None:
    assert identification_bound(Promise("AES", secrecy=True), candidates(10), observations=9) == pytest.approx(0.1)


def test_without_a_clip_there_is_no_bound() -> None:
    assert identification_bound(Promise(), torch.zeros(2, 1, 1, 1)) is None


def candidates(count: int) -> Tensor:
    return torch.arange(float(count)).view(count, 1, 1, 1) / count


def local(epsilon: float, delta: float = 0.0) -> Promise:
    return Promise(f"({epsilon}, {delta})-local DP", epsilon=epsilon, delta=delta)


@pytest.mark.parametrize("epsilon", [0.01, 1.0, 4.0])
def test_randomized_response_reaches_the_bound_by_epsilon(epsilon: float) -> None:
    right = math.exp(epsilon) / (math.exp(epsilon) + 9)  # and each of the 9 others with exp(-epsilon) times that
    assert identification_bound(local(epsilon), candidates(10)) == pytest.approx(right)


def test_a_channel_that_sends_the_image_with_the_probability_delta_keeps_the_bound() -> None:
    count, delta = 10, 0.1  # it sends the image, or else nothing: (0, delta)-local DP
    right = delta + (1 - delta) / count
    assert identification_bound(local(0.0, delta), candidates(count)) == pytest.approx(right)


def test_several_wires_have_the_epsilon_and_the_delta_of_all() -> None:
    bound = identification_bound(local(0.5, 1e-3), candidates(10), observations=4)
    assert bound == pytest.approx(identification_bound(local(2.0, 4e-3), candidates(10)))


def test_equal_images_are_identified_together_under_a_promise_as_well() -> None:
    images = torch.tensor([0.1, 0.1, 0.5, 0.9]).view(4, 1, 1, 1)
    assert identification_bound(local(1e-9), images) == pytest.approx(0.5)


def test_the_epsilon_of_training_images_bounds_nothing_about_the_wire() -> None:
    promise = Promise("(1, 1e-5)-DP of the training images", epsilon=1.0, delta=1e-5)
    assert identification_bound(promise, candidates(10)) is None


def test_an_epsilon_that_promises_nothing_gives_a_bound_of_one() -> None:
    assert identification_bound(local(1e9, 0.5), candidates(10), observations=9) == 1
