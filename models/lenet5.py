"""LeNet-5, as the papers on attacks use it."""

from collections import OrderedDict

from torch import nn

from ..benchmark.interfaces import Model
from ._layers import fully_connected, refuse_small


class Lenet5(Model):
    """LeNet-5: two 5x5 convolutions with 8 and 16 channels, three fully connected layers.

    Example: ``mia-bench run --dataset mnist --data-dir data --model lenet5 --split relu2``

    Source: He, Zhang, Lee, ACSAC 2019, Table 2 (MNIST) and its official code.
    """

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        """Build the network, untrained, for images (C, H, W) of at least 16x16 pixels.

        Raises:
            ValueError: If the images are smaller.
        """
        refuse_small(image_shape, 16)
        channels, height, width = image_shape
        return nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, 8, 5),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(8, 16, 5),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                fc1=fully_connected(16 * (((height - 4) // 2 - 4) // 2) * (((width - 4) // 2 - 4) // 2), 120),
                relu3=nn.ReLU(),
                fc2=nn.Linear(120, 84),
                relu4=nn.ReLU(),
                fc3=nn.Linear(84, classes),
            )
        )
