"""A network with skip connections."""

from torch import Tensor, nn

from ._stages import Staged


class Resnet(Staged):
    """Three stages of residual blocks: those of ``plain``, with the block's input added before the last ReLU.

    The skip connections are all identities and do not cross from stage to stage, so that nothing but them is added
    to ``plain``: weights and multiplications are the same.

    Source: He, Zhang, Ren, Sun, CVPR 2016, "Deep residual learning", Figure 2; for the question of Oh & Lee, EMDL
    2019. Theirs has projections in the skips between stages.
    """

    def block(self, channels: int) -> nn.Module:
        """Two convolutions and a way around them."""
        return Residual(channels)


class Residual(nn.Module):
    """relu(x + f(x)), where f is two 3x3 convolutions with a ReLU between."""

    def __init__(self, channels: int) -> None:
        """Build for maps of that many channels."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """Transform (N, channels, H, W), keeping the shape."""
        return (maps + self.conv2(self.conv1(maps).relu())).relu()
