"""Whether the output of layers cannot be negative, as far as their types prove it."""

from __future__ import annotations

from torch import nn

NONNEGATIVE = (nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Hardsigmoid, nn.Softplus, nn.Softmax)
"""Layers whose output is never negative."""
PRESERVING = (
    *(nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.Dropout2d),
    *(nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d),
)
"""Layers that map values that are not negative to such values."""


def never_negative(layers: nn.Module) -> bool:
    """Return whether the types of the last layers prove that no output is negative. Unknown types prove nothing.

    Example:
        >>> never_negative(nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Flatten()))
        True
        >>> never_negative(nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))
        False
    """
    if type(layers) is not nn.Sequential:
        return type(layers) in NONNEGATIVE
    for layer in reversed(layers):
        if never_negative(layer):
            return True
        if type(layer) not in PRESERVING:
            return False
    return False
