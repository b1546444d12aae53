"""A plain convolutional network: the control for ``resnet`` and ``inception``."""

from collections import OrderedDict

from torch import nn

from ._stages import Staged


class Plain(Staged):
    """Three stages of plain blocks, two 3x3 convolutions each: ``resnet`` without its skip connections.

    It is the control for the question of Oh and Lee (EMDL 2019), how skip connections and inception modules change the
    leakage.

    Example: ``mia-bench run --model plain:depth=2 --split stage1``

    Source: He, Zhang, Ren, Sun, CVPR 2016, section 3.3, "Plain Network".
    """

    def block(self, channels: int) -> nn.Module:
        """Build two convolutions in a row, each with a ReLU."""
        return nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, channels, 3, padding=1),
                relu1=nn.ReLU(),
                conv2=nn.Conv2d(channels, channels, 3, padding=1),
                relu2=nn.ReLU(),
            )
        )
