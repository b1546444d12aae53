"""The weights that a network holds, including those in buffers and in quantized layers."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor, nn

from ..utils.quantized_layers import is_quantized
from ..utils.weight_buffers import weight_buffers

Identity = int | tuple[int, str]
"""What identifies a weight: its number in this process, or that of its quantized layer and its name there."""


def held_weights(network: nn.Module) -> dict[Identity, Tensor]:
    """Return the weights of a network. One that several layers share is there once.

    They are its parameters, its buffers that are weights (see ``weight_buffers``), and what quantized layers pack.

    Example:
        >>> [tuple(weight.shape) for weight in held_weights(nn.Linear(3, 2)).values()]
        [(2, 3), (2,)]
    """
    found: dict[Identity, Tensor] = {id(each): each for each in network.parameters()}
    for part in network.modules():
        found |= {id(each): each for _, each in weight_buffers(part)}
        if is_quantized(part):
            found |= {(id(part), name): weight for name, weight in _unpacked(part).items()}
    return found


def count_weights(network: nn.Module) -> int:
    """Return the number of weights of a network.

    Example:
        >>> count_weights(nn.Linear(3, 2))
        8
    """
    return sum(each.numel() for each in held_weights(network).values())


def weight_bytes(network: nn.Module) -> int:
    """Return the bytes of the weights of a network.

    Example:
        >>> weight_bytes(nn.Linear(3, 2))
        32
    """
    return sum(each.nbytes for each in held_weights(network).values())


def _unpacked(layer: Any) -> dict[str, Tensor]:
    """Return the weights and biases of a quantized layer, which keeps them packed."""
    if hasattr(layer, "get_weight"):  # a recurrent one
        return {**layer.get_weight(), **layer.get_bias()}
    given = {name: getattr(layer, name, None) for name in ("weight", "bias")}
    values = {name: each() for name, each in given.items() if inspect.ismethod(each)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}
