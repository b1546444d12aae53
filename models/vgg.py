"""A network like VGG, narrow enough to train on a CPU."""

from collections import OrderedDict

from pydantic import Field
from torch import nn

from ..benchmark.interfaces import Model
from ._layers import fully_connected, refuse_small

BLOCKS = ((1, 1), (2, 1), (4, 2), (8, 2), (8, 2))
"""Channels, in units of ``width``, and convolutions of each block. Configuration A of the paper has ``width`` 64."""


class Vgg(Model):
    """VGG-11 with fewer channels: eight 3x3 convolutions in five blocks with a pool each, and a hidden layer.

    Like the original, it has no batch normalization: the training recipe adds it and folds it into the weights
    afterwards, so defenses and attacks that train the network do not depend on running statistics. It has one hidden
    layer instead of two, as wide as the last block. Benkraouda and Nahrstedt (DistributedML 2021) divide a VGG between
    an enclave and an untrusted host.

    Example: ``mia-bench run --model vgg:width=16 --split relu21``

    Source: Simonyan & Zisserman, ICLR 2015, Table 1, configuration A.
    """

    width: int = Field(16, ge=1, description="channels of the first block; the last block has eight times as many")

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        """Build the network, untrained, for images (C, H, W) of at least 16x16 pixels.

        Raises:
            ValueError: If the images are smaller.
        """
        channels, height, width = image_shape
        refuse_small(image_shape, 16)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for block, (filters, count) in enumerate(BLOCKS, start=1):
            for step in range(1, count + 1):
                layers[f"conv{block}{step}"] = nn.Conv2d(channels, filters * self.width, 3, padding=1)
                layers[f"relu{block}{step}"] = nn.ReLU()
                channels = filters * self.width
            # A map of one cell is not pooled.
            layers[f"pool{block}"] = nn.MaxPool2d((min(2, height), min(2, width)))
            height, width = max(1, height // 2), max(1, width // 2)
        layers["fc1"] = fully_connected(channels * height * width, channels)
        layers["relu6"] = nn.ReLU()
        layers["fc2"] = nn.Linear(channels, classes)
        return nn.Sequential(layers)
