"""Quantized layers of torch, which keep their weights packed and compute no gradients."""

from __future__ import annotations

from torch import nn


def is_quantized(layer: nn.Module) -> bool:
    """Return whether a layer is quantized.

    Example:
        >>> is_quantized(nn.Linear(3, 2))
        False
    """
    kind = type(layer).__module__
    return kind.startswith("torch.ao.nn.") and ".quantized." in kind
