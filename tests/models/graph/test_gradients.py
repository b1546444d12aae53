"""The stages have the gradients of the network, also where its functions have their own."""

import torch
from mia_bench.models._graph import linearize
from torch import Tensor, nn

IMAGE = (3, 8, 8)


class Round(torch.autograd.Function):
    """Straight-through rounding."""

    @staticmethod
    def forward(ctx: object, maps: Tensor) -> Tensor:
        return (maps * 4).round() / 4

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return gradients[0]


class Rounding(nn.Module):
    """Rounds in two ways that let gradients pass."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.deep, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = Round.apply(self.conv(images))
        maps = self.deep(maps)
        maps = maps + (maps.round() - maps).detach()
        return self.fc(maps.mean((2, 3)))


def gradient(network: nn.Module, images: Tensor) -> Tensor:
    images = images.clone().requires_grad_()
    network(images).square().sum().backward()
    assert images.grad is not None
    return images.grad


def test_straight_through_rounding_lets_the_gradients_pass_in_the_stages_too() -> None:
    network, images = Rounding(), torch.rand(3, *IMAGE)
    expected = gradient(network, images)
    stages = linearize(network, IMAGE)
    assert [name for name, _ in stages.named_children()][:3] == ["conv", "Round", "deep"]
    assert expected.abs().max() > 0
    assert torch.equal(gradient(stages, images), expected)
