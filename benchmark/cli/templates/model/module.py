"""A model for mia-bench."""

from collections import OrderedDict
from typing import ClassVar

from mia_bench import Model
from pydantic import Field
from torch import nn


class MyComponent(Model):
    """Two convolutions with batch normalization left to the recipe, and one fully connected layer.

    Source: say where the architecture comes from: the paper, its section and table.
    """

    version: ClassVar[int] = 1
    filters: int = Field(16, ge=1, description="channels of the first convolution")

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        """Build the untrained network for images of at least 8x8 pixels; each name is a split point."""
        channels, _, _ = image_shape
        return nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, self.filters, 3, padding=1),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(self.filters, 2 * self.filters, 3, padding=1),
                relu2=nn.ReLU(),
                pool2=nn.AdaptiveAvgPool2d(4),
                flatten=nn.Flatten(),
                fc1=nn.Linear(2 * self.filters * 16, classes),
            )
        )
