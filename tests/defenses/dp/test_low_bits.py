"""Noise in floating point tells no more than its density says."""

from collections.abc import Callable

import pytest
import torch
from mia_bench import Channel, drop_low_bits
from mia_bench.benchmark.interfaces.low_bits import has_low_bits
from mia_bench.defenses._dp.noise_channel import NoiseChannel
from mia_bench.defenses._dp.shaped_channel import ShapedNoise
from mia_bench.defenses.vib import _LearnedNoise
from torch import Tensor, nn

NUMBERS = 4000
IMAGES = 12


def shaped(sigma: float) -> Channel:
    torch.manual_seed(1)
    return ShapedNoise.of(nn.Linear(NUMBERS, 3), torch.rand(8, NUMBERS), sigma)


CHANNELS: dict[str, Callable[[float], Channel]] = {
    "Gaussian": lambda sigma: NoiseChannel(noise="gaussian", sigma=sigma, clip=None),
    "Laplacian": lambda sigma: NoiseChannel(noise="laplacian", sigma=sigma, clip=None),
    "shaped": shaped,
    "learned": lambda sigma: _LearnedNoise(torch.full((NUMBERS,), sigma).log()),
}


def impossible(candidate: Tensor, sent: Tensor) -> int:
    """How many numbers are the sum of a candidate and no number in single precision."""
    noise = (sent.double() - candidate.double()).float()
    near = [noise, *(torch.nextafter(noise, noise + side) for side in (1e30, -1e30))]
    return int((~torch.stack([candidate + each == sent for each in near]).any(0)).sum())


def identified(sent: Tensor, values: Tensor) -> float:
    """The share of wires of which the candidate with the fewest impossible numbers is the one that was sent."""
    named = [min(range(IMAGES), key=lambda other: impossible(values[other], wire)) for wire in sent]
    return sum(name == place for place, name in enumerate(named)) / IMAGES


@pytest.mark.parametrize("sigma", [20.0, 300.0])
@pytest.mark.parametrize("name", CHANNELS)
@torch.no_grad()
def test_impossible_sums_identify_no_value(name: str, sigma: float) -> None:
    torch.manual_seed(0)
    values, channel = torch.randn(IMAGES, NUMBERS).relu(), CHANNELS[name](sigma)

    assert identified(values + sigma * torch.randn_like(values), values) == 1  # in floating point they do
    assert identified(channel(values), values) < 0.5
    assert not has_low_bits(channel(values))


@pytest.mark.parametrize("name", CHANNELS)
def test_the_noise_keeps_its_deviation_and_the_value_its_gradient(name: str) -> None:
    torch.manual_seed(0)
    channel = CHANNELS[name](0.5)
    value = torch.randn(200, NUMBERS, requires_grad=True)
    sent = channel(value)
    sent.sum().backward()

    assert (sent - value).std().item() == pytest.approx(0.5, rel=0.01)
    assert value.grad is not None
    assert torch.equal(value.grad, torch.ones_like(value))


def test_values_are_rounded_to_a_power_of_two_of_at_most_a_256th_of_the_deviation() -> None:
    noisy = 3 * torch.randn(1000)

    for sigma, step in ((3.0, 2**-7), (torch.full((1000,), 0.5), 2**-9), (2.56, 2**-7)):
        rounded = drop_low_bits(noisy, sigma)
        assert torch.equal(rounded / step, (rounded / step).round())
        assert 0.4 * step < (rounded - noisy).abs().max() <= step / 2


@pytest.mark.parametrize("sigma", [0.0, 5e-324, 1e-44, 1e-30])
def test_values_that_are_far_larger_than_the_noise_stay_as_they_are(sigma: float) -> None:
    values = torch.tensor([0.0, 1.0, -3.3e38, 1e-8])

    assert torch.equal(drop_low_bits(values, sigma), values)
    assert torch.equal(drop_low_bits(values, torch.full((4,), sigma)), values)


def test_zero_has_no_sign() -> None:
    sent = drop_low_bits(torch.linspace(-0.1, 0.1, 1001), 10.0)

    assert (sent == 0).any()
    assert not sent[sent == 0].signbit().any()
