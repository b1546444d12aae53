"""A network of inception modules."""

from typing import cast

import torch
from torch import Tensor, nn

from ._stages import Staged


class Inception(Staged):
    """Three stages of inception modules: 1x1, 3x3 and 5x5 convolutions and a pool side by side.

    The modules are two convolutions deep, like the blocks of ``plain``, keep its shapes, and take about three
    quarters of its multiplications.

    Source: Szegedy et al., CVPR 2015, "Going deeper with convolutions", Figure 2b; for the question of Oh & Lee, EMDL
    2019. Its shares of the output are those of module 3a, rounded: 1/8, 1/2, 1/4, 1/8 (there 1/4, 1/2, 1/8, 1/8).
    """

    def block(self, channels: int) -> nn.Module:
        """One module."""
        return InceptionModule(channels)


class InceptionModule(nn.Module):
    """Four branches whose outputs are put side by side."""

    def __init__(self, channels: int) -> None:
        """Build for maps of that many channels, a multiple of eight."""
        super().__init__()
        eighth = channels // 8
        self.branches = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(channels, eighth, 1), nn.ReLU()),
                _reduced(channels, 4 * eighth, 3),
                _reduced(channels, 2 * eighth, 5),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(channels, eighth, 1), nn.ReLU()),
            ]
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Transform (N, channels, H, W), keeping the shape."""
        return torch.cat([cast(Tensor, branch(maps)) for branch in self.branches], 1)


def _reduced(channels: int, outputs: int, kernel: int) -> nn.Sequential:
    """A 1x1 convolution before a larger one."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 1),
        nn.ReLU(),
        nn.Conv2d(channels, outputs, kernel, padding=kernel // 2),
        nn.ReLU(),
    )
