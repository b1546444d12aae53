"""How far a candidate is from a wire."""

import pytest
import torch
from mia_bench.attacks._inversion.distance import balanced
from mia_bench.benchmark.interfaces import Channel
from torch import Tensor, nn


class Scaled(nn.Module):
    """Multiplies one channel of maps by a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps.clone()
        maps[:, 0] *= self.factor
        return maps


class Noisy(Channel):
    stochastic = True


class Own(Channel):
    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        return (value - sent).abs().flatten(1).sum(1)


@pytest.fixture
def images() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(50, 6, 8, 8)


def test_a_public_factor_of_one_channel_hides_no_other(images: Tensor) -> None:
    misfits = [
        balanced(Channel().distance, client, images)(client(images), client(images.flip(0)))
        for client in (Scaled(1), Scaled(1000))
    ]

    torch.testing.assert_close(misfits[1], misfits[0], rtol=0.1, atol=0)


@pytest.mark.parametrize(("channel", "factor"), [(Channel(), 5), (Noisy(), 1000), (Own(), 1000)])
def test_the_distance_of_ordinary_maps_and_of_noise_stays_as_it_is(
    images: Tensor, channel: Channel, factor: float
) -> None:
    assert balanced(channel.distance, Scaled(factor), images) == channel.distance
