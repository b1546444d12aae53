"""Modules that only wrap a network."""

from __future__ import annotations

from torch import nn


def unwrapped(network: nn.Module) -> nn.Module:
    """Return the network inside the wrappers of ``torch.compile`` and of data-parallel training.

    Example:
        >>> unwrapped(nn.DataParallel(nn.ReLU()))
        ReLU()
    """
    compiled = getattr(network, "_orig_mod", None)
    if isinstance(compiled, nn.Module):
        return unwrapped(compiled)
    if isinstance(network, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return unwrapped(network.module)
    return network
