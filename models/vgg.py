"""A network like VGG, narrow enough for a processor."""

from collections import OrderedDict

from pydantic import Field
from torch import nn

from ..benchmark.interfaces import Model
from ._layers import fully_connected

BLOCKS = ((1, 1), (2, 1), (4, 2), (8, 2), (8, 2))
"""Channels, in units of ``width``, and convolutions of each block: configuration A, where ``width`` is 64."""


class Vgg(Model):
    """VGG-11 with fewer channels: eight 3x3 convolutions in five blocks with a pool each, and a hidden layer.

    It has no batch normalization, like the original: the training recipe has its own and folds it away, so that
    defenses and attacks that train the network need not mind the state of one. One hidden layer is left of the two,
    as wide as the last block.

    Source: Simonyan & Zisserman, ICLR 2015, Table 1, A; VGG is what Benkraouda & Nahrstedt, DistributedML 2021, split
    between an enclave and the rest.
    """

    width: int = Field(16, ge=1, description="channels of the first block; the last has eight times as many")

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        """Build the network for images of at least 16x16 pixels.

        Raises:
            ValueError: if the images are smaller.
        """
        channels, height, width = image_shape
        if min(height, width) < 16:
            raise ValueError(f"images have {height}x{width} pixels; expected at least 16x16")
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for block, (filters, count) in enumerate(BLOCKS, start=1):
            for step in range(1, count + 1):
                layers[f"conv{block}{step}"] = nn.Conv2d(channels, filters * self.width, 3, padding=1)
                layers[f"relu{block}{step}"] = nn.ReLU()
                channels = filters * self.width
            # a map of one cell stays as it is
            layers[f"pool{block}"] = nn.MaxPool2d((min(2, height), min(2, width)))
            height, width = max(1, height // 2), max(1, width // 2)
        layers["fc1"] = fully_connected(channels * height * width, channels)
        layers["relu6"] = nn.ReLU()
        layers["fc2"] = nn.Linear(channels, classes)
        return nn.Sequential(layers)
