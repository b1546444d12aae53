"""A vision transformer for small images."""

from collections import OrderedDict

import torch
from pydantic import Field
from torch import Tensor, nn
from torchvision.models.vision_transformer import EncoderBlock

from ..benchmark.errors import UsageError
from ..benchmark.interfaces import Model

MLP_RATIO = 2
"""Width of the hidden layer of a block, in units of the width of a token."""
INITIAL_DEVIATION = 0.02
"""Standard deviation of the first class token and positions, as in the paper's code."""


class Vit(Model):
    """A vision transformer that is small enough to train on a CPU: patches are tokens, which blocks of attention mix.

    What crosses at a split is a class token and one token for each patch, (N, 1 + patches, width), until
    ``class_token`` selects the first. The blocks are those of torchvision, normalized before attention as in the paper.
    ``torchvision:name=vit_b_16`` is the network of the paper in its full size.

    Example: ``mia-bench run --model vit --split block2 --attack auto``

    Source: Dosovitskiy et al., ICLR 2021, "An image is worth 16x16 words".
    """

    patch: int = Field(4, ge=1, le=64, description="height and width of a patch, which must divide those of the images")
    width: int = Field(128, ge=1, le=4096, description="numbers of a token, a multiple of heads")
    depth: int = Field(4, ge=1, le=64, description="blocks")
    heads: int = Field(4, ge=1, le=64, description="heads of attention in a block")

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        """Build the network, untrained.

        Raises:
            UsageError: If patches do not cover the images, or the heads do not divide the width.
        """
        channels, height, width = image_shape
        if height % self.patch or width % self.patch:
            raise UsageError(
                f"Expected images whose sides are multiples of {self.patch} pixels, the patch, got {height}x{width}. "
                "Choose another patch or another size of the images."
            )
        if self.width % self.heads:
            raise UsageError(
                f"Expected a width that is a multiple of the {self.heads} heads, got {self.width}. Change one of them."
            )
        patches = height // self.patch * (width // self.patch)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["patches"] = nn.Conv2d(channels, self.width, self.patch, stride=self.patch)
        layers["tokens"] = Tokens(patches, self.width)
        for index in range(1, self.depth + 1):
            layers[f"block{index}"] = EncoderBlock(self.heads, self.width, MLP_RATIO * self.width, 0.0, 0.0)
        layers["norm"] = nn.LayerNorm(self.width)
        layers["class_token"] = ClassToken()
        layers["fc"] = nn.Linear(self.width, classes)
        return nn.Sequential(layers)


class Tokens(nn.Module):
    """Turn a map into tokens, put a class token before them, and add what is learned of each position.

    Example:
        >>> import torch
        >>> Tokens(16, 8)(torch.zeros(2, 8, 4, 4)).shape
        torch.Size([2, 17, 8])
    """

    def __init__(self, patches: int, width: int) -> None:
        """Build the layer for so many patches of ``width`` channels."""
        super().__init__()
        self.class_token = nn.Parameter(torch.empty(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, 1 + patches, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the class token and the positions anew."""
        for parameter in (self.class_token, self.positions):
            nn.init.normal_(parameter, std=INITIAL_DEVIATION)

    def forward(self, maps: Tensor) -> Tensor:
        """Turn maps (N, width, H, W) into tokens (N, 1 + H * W, width)."""
        tokens = maps.flatten(2).transpose(1, 2)  # (N, H * W, width)
        return torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], 1) + self.positions


class ClassToken(nn.Module):
    """Select the first token, from which the classes are read.

    Example:
        >>> import torch
        >>> ClassToken()(torch.zeros(2, 17, 8)).shape
        torch.Size([2, 8])
    """

    def forward(self, tokens: Tensor) -> Tensor:
        """Select from tokens (N, T, width) the first, (N, width)."""
        return tokens[:, 0]
