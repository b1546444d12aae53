"""Types of layers, which a device computes at different speeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

LayerType = Literal["convolution", "pointwise_convolution", "depthwise_convolution", "attention", "linear"]
"""Attention stands for all products of matrices of several rows, linear for those of one row."""
LAYER_TYPES: tuple[str, ...] = get_args(LayerType)
OTHER = "other"
"""Operations of none of these types, such as those of recurrent layers."""
_CONVOLUTIONS = {"aten.convolution", "aten._convolution"}
_PRODUCTS = {"aten.mm": 0, "aten.addmm": 1}
"""Products of two matrices, with the place of the first one."""
_SEVERAL = {"aten.bmm", "aten.baddbmm"}


def layer_type(name: str, given: Sequence[Any]) -> str:
    """Return the type of layer that an operation of torch belongs to.

    Args:
        name: Of the operation, such as ``aten.mm``.
        given: What it is given.

    Example:
        >>> import torch
        >>> layer_type("aten.mm", (torch.zeros(1, 3), torch.zeros(3, 2)))
        'linear'
    """
    if name in _CONVOLUTIONS:
        weights, groups = given[1], given[8]
        if groups > 1 and weights.shape[1] == 1:
            return "depthwise_convolution"
        return "pointwise_convolution" if weights[0, 0].numel() == 1 else "convolution"
    if name in _PRODUCTS:
        return "linear" if given[_PRODUCTS[name]].shape[0] == 1 else "attention"
    return "attention" if name in _SEVERAL else OTHER
