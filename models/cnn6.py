"""The six-convolution network of He et al. for CIFAR-10."""

from collections import OrderedDict

from torch import nn

from ..benchmark.interfaces import Model
from ._layers import fully_connected, refuse_small


class Cnn6(Model):
    """Six 3x3 convolutions (64-64-pool-128-128-pool-128-128-pool), a hidden layer of 512 sigmoids, and the logits.

    Example: ``mia-bench run --dataset cifar10 --data-dir data --model cnn6 --split relu22``

    Source: He, Zhang, Lee, ACSAC 2019, Table 2 (CIFAR-10) and its official code.
    """

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        """Build the network, untrained, for images (C, H, W) of at least 8x8 pixels.

        Raises:
            ValueError: If the images are smaller.
        """
        refuse_small(image_shape, 8)
        channels, height, width = image_shape
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for block, filters in enumerate((64, 128, 128), start=1):
            for step in (1, 2):
                layers[f"conv{block}{step}"] = nn.Conv2d(channels, filters, 3, padding=1)
                layers[f"relu{block}{step}"] = nn.ReLU()
                channels = filters
            layers[f"pool{block}"] = nn.MaxPool2d(2)
        layers["fc1"] = fully_connected(channels * (height // 8) * (width // 8), 512)
        layers["sigmoid"] = nn.Sigmoid()
        layers["fc2"] = nn.Linear(512, classes)
        return nn.Sequential(layers)
