"""Layers that several architectures share, and the sizes of images that they take."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn


def fully_connected(inputs: int, outputs: int) -> nn.Sequential:
    """Build a fully connected layer that accepts maps (N, C, H, W) and vectors (N, inputs) and returns (N, outputs)."""
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(inputs, outputs)))


def refuse_small(image_shape: Sequence[int], least: int) -> None:
    """Raise if a side of images (C, H, W) has fewer than ``least`` pixels.

    Raises:
        ValueError: If so.
    """
    height, width = image_shape[1:]
    if min(height, width) < least:
        raise ValueError(f"Expected images of at least {least}x{least} pixels, got {height}x{width}.")
