"""The stages have the gradients of the network, also where its functions have their own."""

import torch
from mia_bench.models._graph import linearize
from torch import Tensor, nn

from . import nets

IMAGE = (3, 8, 8)


def gradient(network: nn.Module, images: Tensor) -> Tensor:
    images = images.clone().requires_grad_()
    network(images).square().sum().backward()
    assert images.grad is not None
    return images.grad


def test_straight_through_rounding_lets_the_gradients_pass_in_the_stages_too() -> None:
    network, images = nets.Rounding(), torch.rand(3, *IMAGE)
    expected = gradient(network, images)
    stages = linearize(network, IMAGE)
    assert [name for name, _ in stages.named_children()][:3] == ["conv", "Round", "deep"]
    assert expected.abs().max() > 0
    assert torch.equal(gradient(stages, images), expected)
