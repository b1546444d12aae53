"""Layers that several architectures share."""

from collections import OrderedDict

from torch import nn


def fully_connected(inputs: int, outputs: int) -> nn.Sequential:
    """Build a fully connected layer that accepts maps (N, C, H, W) and vectors (N, inputs) and returns (N, outputs)."""
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(inputs, outputs)))
