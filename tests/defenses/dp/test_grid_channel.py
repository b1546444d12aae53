"""Noise whose promise holds for the bits that are sent."""

import math

import pytest
import torch
from mia_bench.benchmark.interfaces import Target
from mia_bench.defenses._dp.analytic_gaussian import epsilon_of_sigma
from mia_bench.defenses._dp.grid_channel import GridNoiseChannel
from mia_bench.defenses._dp.noise_channel import NORM_ORDER, NoiseChannel
from mia_bench.defenses._dp.nonnegative import never_negative
from mia_bench.defenses.dp_ir import DpIr
from torch import nn

KINDS = ("gaussian", "laplacian")
VALUES, TRIALS = 16_384, 200
CLIP = 1.0
CONSTANT = CLIP * (1 - 1e-6) / math.sqrt(VALUES)


def share_that_reveals(channel: NoiseChannel, size: float) -> float:
    """The share of wires of a constant value with a coordinate that an IR of the constant ``size`` cannot send.

    Source: Mironov, CCS 2012. Where floating-point noise nearly cancels a value, the sum is a multiple of the distance
    of floating-point numbers at that value. Noise alone has lower bits.
    """
    fine = torch.finfo(torch.float32).eps * 2.0 ** math.floor(math.log2(CONSTANT)) / 4
    sent = channel(torch.full((TRIALS, VALUES), size)).double()
    small = sent.abs() < CONSTANT / 2
    return ((sent / fine != (sent / fine).round()) & small).any(1).double().mean().item()


class Floating(NoiseChannel):
    """Sends the sum as floating-point numbers have it."""

    def forward(self, value):
        return self.clean(value) + self.sigma * torch.randn_like(value)


def test_low_bits_tell_two_values_apart_in_floating_point_but_not_on_the_grid():
    old = Floating(noise="gaussian", sigma=2.1, clip=CLIP)
    assert share_that_reveals(old, CONSTANT) == 0  # No false alarm.
    assert share_that_reveals(old, 0.0) > 0.9  # Differential privacy allows 0.19 at this noise.
    new = GridNoiseChannel(noise="gaussian", sigma=2.1, clip=CLIP)
    assert abs(share_that_reveals(new, 0.0) - share_that_reveals(new, CONSTANT)) < 0.35  # 0.19 and 5 standard errors


@pytest.mark.parametrize("noise", KINDS)
def test_every_sent_number_is_one_function_of_an_integer(noise):
    channel = GridNoiseChannel(noise=noise, sigma=0.3, clip=1.0)
    sent = channel(torch.randn(50, 1000))
    assert torch.equal(sent, ((sent.double() / channel.step).round() * channel.step).float())
    floating = NoiseChannel(noise=noise, sigma=0.3, clip=1.0)(torch.randn(50, 1000))
    assert not torch.equal(floating, ((floating.double() / channel.step).round() * channel.step).float())


@pytest.mark.parametrize("noise", KINDS)
@pytest.mark.parametrize("sigma", [1e-4, 0.1, 30])
def test_rounding_never_enlarges_the_norm_and_changes_nothing_twice(noise, sigma):
    channel = GridNoiseChannel(noise=noise, sigma=sigma, clip=1.0)
    values = torch.randn(60, 777) * torch.logspace(-4, 3, 60).view(-1, 1)
    steps = channel._steps(values)
    assert torch.equal(steps, steps.round())
    assert (torch.linalg.vector_norm(steps, ord=NORM_ORDER[noise], dim=1) <= 1 / channel.step).all()
    clean = channel.clean(values)
    assert torch.equal(channel.clean(clean), clean)
    assert (clean - NoiseChannel(noise=noise, sigma=sigma, clip=1.0).clean(values)).abs().max() <= channel.step * 1.02


def test_values_that_are_not_numbers_are_sent_as_zero():
    channel = GridNoiseChannel(noise="gaussian", sigma=0.1, clip=1.0)
    assert channel.clean(torch.tensor([[math.nan, 0.0]])).tolist() == [[0, 0]]
    assert channel(torch.tensor([[math.nan, math.inf]])).isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_noise_has_the_standard_deviation_and_the_shape_of_before(kind):
    value = torch.rand(200, 1000)
    added = GridNoiseChannel(noise=kind, sigma=2.5, clip=1e6)(value) - value
    assert added.mean().item() == pytest.approx(-2.5 / 512, abs=0.03)
    assert added.std().item() == pytest.approx(2.5, rel=0.01)
    assert (added / 2.5).pow(4).mean().item() == pytest.approx(3 if kind == "gaussian" else 6, rel=0.1)


def test_gradients_are_those_of_the_clipped_value():
    value = torch.rand(3, 50, dtype=torch.float64)
    gradients = []
    for channel in (
        NoiseChannel(noise="gaussian", sigma=0.1, clip=1.0),
        GridNoiseChannel(noise="gaussian", sigma=0.1, clip=1.0, nonnegative=True),
    ):
        leaf = value.clone().requires_grad_()
        channel(leaf).sum().backward()
        gradients.append(leaf.grad)
    assert torch.allclose(*gradients)


@pytest.mark.parametrize("sigma", [0.02, 1.0])
def test_nonnegative_values_are_at_most_sqrt_2_clips_apart(sigma):
    channel = GridNoiseChannel(noise="gaussian", sigma=sigma, clip=1.0, nonnegative=True)
    values = torch.cat([10 * torch.eye(40), -10 * torch.eye(40), torch.randn(40, 40) ** 3])
    assert torch.cdist(channel._steps(values), channel._steps(values)).max() <= math.sqrt(2) / channel.step


def test_after_relu_epsilon_is_that_of_the_smaller_sensitivity(target: Target, train):
    after = DpIr(sigma=1.0, clip=1.0).protect(target.split("relu1"), train).promise
    before = DpIr(sigma=1.0, clip=1.0).protect(target.split("conv1"), train).promise
    assert after.epsilon == pytest.approx(epsilon_of_sigma(1 / math.sqrt(2), 1e-5)) == pytest.approx(6.57, abs=5e-3)
    assert before.epsilon == pytest.approx(9.997, abs=5e-4)
    given = DpIr(epsilon=6.5717, clip=1.0).protect(target.split("relu1"), train)
    assert given.ir_channel.sigma == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("layers", "proved"),
    [
        ([nn.Linear(2, 2), nn.ReLU(), nn.Flatten()], True),
        ([nn.Sigmoid(), nn.Sequential(nn.MaxPool2d(2))], False),
        ([nn.ReLU(), nn.BatchNorm2d(2)], False),
        ([nn.Tanh()], False),
        ([], False),
    ],
)
def test_only_known_layers_prove_that_values_are_never_negative(layers, proved):
    assert never_negative(nn.Sequential(*layers)) is proved
