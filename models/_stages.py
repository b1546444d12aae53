"""The frame that the plain, the residual and the inception network share. Only their blocks differ."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict

from pydantic import Field
from torch import nn

from ..benchmark.interfaces import Model
from ._layers import refuse_small

STAGES = 3
MAX_FULL_RESOLUTION_PIXELS = 64
"""Largest side of an image, in pixels, at which the first convolution keeps the resolution."""


class Staged(Model):
    """Base class of the networks ``plain``, ``resnet`` and ``inception``.

    The network consists of a first convolution and a pool, three stages of ``depth`` blocks, the average over the map,
    and the logits. Between two stages, a 3x3 convolution of stride 2 halves the map and doubles its channels. It is the
    same in all of these networks: they differ in the blocks alone. Each block is two convolutions deep and keeps the
    shape of the map, so the layers have the same names and shapes at equal ``depth`` and ``width``. The last block of a
    stage is named after the stage: ``stage1`` is the same place at every depth.

    Images larger than 64 pixels pass a first convolution of 7x7 and stride 2, as in networks for ImageNet.

    The networks have no batch normalization: the training recipe adds it and folds it into the weights afterwards.
    """

    depth: int = Field(1, ge=1, le=9, description="blocks in each of the three stages, each two convolutions deep")
    width: int = Field(16, ge=8, multiple_of=8, description="channels of the first stage; doubled from stage to stage")

    @abstractmethod
    def block(self, channels: int) -> nn.Module:
        """Build one block. It maps (N, channels, H, W) to the same shape."""

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        """Build the network, untrained, for images (C, H, W) of at least 16x16 pixels.

        Raises:
            ValueError: If the images are smaller.
        """
        inputs, *sides = image_shape
        refuse_small(image_shape, 16)
        kernel, stride = (3, 1) if max(sides) <= MAX_FULL_RESOLUTION_PIXELS else (7, 2)
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv1=nn.Conv2d(inputs, self.width, kernel, stride, kernel // 2), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2)
        )
        channels = self.width
        for stage in range(1, STAGES + 1):
            if stage > 1:
                layers[f"conv{stage}"] = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
                layers[f"relu{stage}"] = nn.ReLU()
                channels *= 2
            for step in range(1, self.depth + 1):
                name = f"block{stage}{step}" if step < self.depth else f"stage{stage}"
                layers[name] = self.block(channels)
        layers["average"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        layers["fc"] = nn.Linear(channels, classes)
        return nn.Sequential(layers)
