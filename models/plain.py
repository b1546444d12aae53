"""A convolutional network of nothing but convolutions: the control of ``resnet`` and ``inception``."""

from collections import OrderedDict

from torch import nn

from ._stages import Staged


class Plain(Staged):
    """Three stages of plain blocks, two 3x3 convolutions each: ``resnet`` without its skip connections.

    Source: He, Zhang, Ren, Sun, CVPR 2016, section 3.3, "Plain Network"; for the question of Oh & Lee, EMDL 2019.
    """

    def block(self, channels: int) -> nn.Module:
        """Two convolutions in a row."""
        return nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, channels, 3, padding=1),
                relu1=nn.ReLU(),
                conv2=nn.Conv2d(channels, channels, 3, padding=1),
                relu2=nn.ReLU(),
            )
        )
