"""Which buffers of networks are weights."""

from typing import Any

import pytest
import torch
from mia_bench.benchmark.interfaces import Normalize
from mia_bench.benchmark.utils.weight_buffers import weight_buffers
from torch import Tensor, nn
from torch.ao.quantization import MovingAverageMinMaxObserver, PerChannelMinMaxObserver
from torch.nn.utils.parametrizations import spectral_norm
from torchvision.ops import FrozenBatchNorm2d


class Held(nn.Module):
    """Hold one buffer."""

    def __init__(self, value: Tensor, **settings: Any) -> None:
        super().__init__()
        self.register_buffer("value", value, **settings)


def found(network: nn.Module) -> list[str]:
    return [name for module in network.modules() for name, _ in weight_buffers(module)]


def test_saved_floating_point_numbers_are_weights() -> None:
    assert found(Held(torch.ones(2, 3))) == ["value"]
    assert found(FrozenBatchNorm2d(4)) == ["weight", "bias"]


@pytest.mark.parametrize(
    "network",
    [
        Held(torch.tensor(0.5)),
        Held(torch.arange(9)),
        Held(torch.ones(9, dtype=torch.bool)),
        Held(torch.ones(9), persistent=False),
        Normalize(torch.zeros(3), torch.ones(3)),
        nn.Sequential(nn.BatchNorm2d(4), nn.InstanceNorm2d(4, track_running_stats=True)),
        MovingAverageMinMaxObserver(),
        PerChannelMinMaxObserver(),
        spectral_norm(nn.Linear(3, 3)),
    ],
    ids=lambda network: type(network).__name__,
)
def test_statistics_indices_and_what_code_makes_anew_are_no_weights(network: nn.Module) -> None:
    assert found(network) == []
