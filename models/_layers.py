"""Layers that several architectures share."""

from collections import OrderedDict

from torch import nn


def fully_connected(inputs: int, outputs: int) -> nn.Sequential:
    """A fully connected layer that takes maps (N, C, H, W) as well as vectors (N, inputs)."""
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(inputs, outputs)))
