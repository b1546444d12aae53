"""A network of inception modules, which combine convolutions of several sizes."""

from typing import cast

import torch
from torch import Tensor, nn

from ._stages import Staged


class Inception(Staged):
    """Three stages of inception modules: 1x1, 3x3 and 5x5 convolutions and a pool side by side.

    The modules are two convolutions deep and keep the shape of the map, like the blocks of ``plain``. They need about
    three quarters of its multiplications. Oh and Lee (EMDL 2019) ask how inception modules change the leakage.

    Example: ``mia-bench run --model inception:depth=2 --split stage1``

    Source: Szegedy et al., CVPR 2015, "Going deeper with convolutions", Figure 2b. The shares of the output are those
    of module 3a, rounded: 1/8, 1/2, 1/4, 1/8 (there 1/4, 1/2, 1/8, 1/8).
    """

    def block(self, channels: int) -> nn.Module:
        """Build one inception module."""
        return InceptionModule(channels)


class InceptionModule(nn.Module):
    """Four parallel branches whose outputs are concatenated along the channels.

    Example:
        >>> import torch
        >>> InceptionModule(16)(torch.zeros(1, 16, 8, 8)).shape
        torch.Size([1, 16, 8, 8])
    """

    def __init__(self, channels: int) -> None:
        """Build the module for maps of ``channels`` channels, a multiple of eight."""
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
        """Transform maps (N, channels, H, W) into maps of the same shape."""
        return torch.cat([cast(Tensor, branch(maps)) for branch in self.branches], 1)


def _reduced(channels: int, outputs: int, kernel: int) -> nn.Sequential:
    """Build a 1x1 convolution followed by a larger one, each with a ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 1),
        nn.ReLU(),
        nn.Conv2d(channels, outputs, kernel, padding=kernel // 2),
        nn.ReLU(),
    )
