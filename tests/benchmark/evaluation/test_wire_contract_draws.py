"""Noise may draw more random numbers for some images than for others, as Poisson noise does."""

import pytest
import torch
from mia_bench.benchmark.errors import ContractError
from mia_bench.benchmark.evaluation.wire_contract import require_independent
from mia_bench.benchmark.interfaces import Channel, SplitModel
from torch import Tensor, nn


class Sensor(Channel):
    """Poisson noise, then Gaussian noise."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return torch.poisson(value * 50) / 50 + 0.05 * torch.randn_like(value)


class Mixing(Channel):
    """Gaussian noise, and the mean of the batch."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return value + value.mean(0, keepdim=True) + 0.01 * torch.randn_like(value)


def model(channel: Channel) -> SplitModel:
    return SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(), ir_channel=channel)


@pytest.mark.parametrize("identity", range(8))
def test_noise_whose_draws_depend_on_the_images_is_not_refused(identity: int) -> None:
    images = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    require_independent(lambda: model(Sensor()), images, identity=identity)


def test_a_random_wire_that_depends_on_other_images_is_refused() -> None:
    with pytest.raises(ContractError, match="do not depend on the images beside them"):
        require_independent(lambda: model(Mixing()), torch.rand(16, 1, 8, 8), identity=0)
