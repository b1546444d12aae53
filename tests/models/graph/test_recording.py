"""Runs on the device meta remember the same as runs with sizes of the CPU, or are not made."""

import pytest
import torch
import torchvision
from mia_bench.models._graph import recording
from mia_bench.models._graph.tracing import trace
from torch import Tensor, nn

SHAPE = (3, 32, 32)


class Scaled(nn.Module):
    """Multiplies by a small constant, and reads the number of images."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.scale = nn.Conv2d(3, 4, 3), nn.Parameter(torch.rand(4, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return (self.scale * self.layer(images)).reshape(images.shape[0], -1)


class Placed(nn.Module):
    """Asks for the device of the images."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) + torch.ones(1, device=images.device)


@pytest.mark.parametrize("network", [Scaled(), torchvision.models.squeezenet1_1()])
def test_runs_on_meta_remember_the_same(network: nn.Module) -> None:
    traced = trace(network.eval(), SHAPE)

    assert recording._runs_on_meta(traced, SHAPE) == recording._runs_without_numbers(traced, SHAPE) is not None


def test_a_network_that_asks_for_the_device_is_not_run_on_meta() -> None:
    traced = trace(Placed(), SHAPE)

    assert recording._runs_on_meta(traced, SHAPE) is None
    assert recording.record(traced, SHAPE)
