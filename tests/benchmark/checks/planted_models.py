"""Models with one fault each; see ``planted.py``."""

from collections import OrderedDict

import torch
from mia_bench import Model
from torch import nn


class Net(Model):
    """A small network.

    Source: ours.
    """

    def layers(self, channels: int, pixels: int, classes: int) -> dict[str, nn.Module]:
        conv = nn.Conv2d(channels, 4, 3, padding=1)
        return {"conv": conv, "flat": nn.Flatten(), "fc": nn.Linear(4 * pixels, classes)}

    def build(self, image_shape, classes):
        channels, height, width = image_shape
        return nn.Sequential(OrderedDict(self.layers(channels, height * width, classes)))


class ColorOnly(Net):
    __doc__ = Net.__doc__

    def layers(self, channels, pixels, classes):
        return super().layers(3, pixels, classes)


class BadNames(Net):
    __doc__ = Net.__doc__

    def layers(self, channels, pixels, classes):
        return {f"{name} 1": layer for name, layer in super().layers(channels, pixels, classes).items()}


class Centering(nn.Module):
    def forward(self, value):
        return value - value.mean(0)


class Mixed(Net):
    __doc__ = Net.__doc__

    def layers(self, channels, pixels, classes):
        return {"center": Centering(), **super().layers(channels, pixels, classes)}


class Spare(nn.Module):
    def __init__(self, start):
        super().__init__()
        self.weight = nn.Parameter(start)

    def forward(self, value):
        return value


class Used(Spare):
    def forward(self, value):
        return value * self.weight


class Unused(Net):
    __doc__ = Net.__doc__

    def layers(self, channels, pixels, classes):
        return {"spare": Spare(torch.zeros(3)), **super().layers(channels, pixels, classes)}


class Fixed(Net):
    __doc__ = Net.__doc__

    def layers(self, channels, pixels, classes):
        return {**super().layers(channels, pixels, classes), "scale": Used(torch.rand(classes))}
