"""A network with skip connections."""

from torch import Tensor, nn

from ._stages import Staged


class Resnet(Staged):
    """Three stages of residual blocks: those of ``plain``, with the block's input added before the last ReLU.

    All skip connections are identities and stay inside one stage. They are the only difference from ``plain``: weights
    and multiplications are the same. Oh and Lee (EMDL 2019) ask how skip connections change the leakage; their network
    also has projections in the skip connections between stages.

    Example: ``mia-bench run --model resnet:depth=2 --split stage1``

    Source: He, Zhang, Ren, Sun, CVPR 2016, "Deep residual learning", Figure 2.
    """

    def block(self, channels: int) -> nn.Module:
        """Build two convolutions with a skip connection around them."""
        return Residual(channels)


class Residual(nn.Module):
    """A residual block: relu(x + f(x)), where f is two 3x3 convolutions with a ReLU between them.

    Example:
        >>> import torch
        >>> Residual(16)(torch.zeros(1, 16, 8, 8)).shape
        torch.Size([1, 16, 8, 8])
    """

    def __init__(self, channels: int) -> None:
        """Build the block for maps of ``channels`` channels."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """Transform maps (N, channels, H, W) into maps of the same shape."""
        return (maps + self.conv2(self.conv1(maps).relu())).relu()
