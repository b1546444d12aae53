"""Copies of a network without its trained weights."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.fx import GraphModule

from ..errors import Inapplicable
from ..interfaces import Normalize
from ..utils.quantized_layers import is_quantized

INITIAL_STD = 0.02
"""The standard deviation of fresh parameters that belong to no layer, as in BERT and the Vision Transformer."""


def untrained_copy(module: nn.Module) -> nn.Module:
    """Return a module of the same structure with fresh random weights, drawn from the current random stream.

    Parameters of a traced network that belong to none of its layers, such as class tokens, positions and scales, are
    drawn from a normal distribution with the standard deviation ``INITIAL_STD``.

    Raises:
        Inapplicable: If a module cannot be reset, since the copy would then contain trained weights.

    Example:
        >>> layer = nn.Linear(8, 4)
        >>> torch.equal(untrained_copy(layer).weight, layer.weight)
        False
    """
    _refuse_quantized(module)
    fresh = copy.deepcopy(module)
    for part in fresh.modules():
        reset = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
        if callable(reset):
            reset()
    traced = {id(each) for part in fresh.modules() if isinstance(part, GraphModule) for each in part.parameters()}
    for (name, old), new in zip(module.named_parameters(), fresh.parameters(), strict=True):
        new.requires_grad_(True)
        if not torch.equal(old, new) or old.unique().numel() == 1:
            continue
        if id(new) not in traced:
            raise Inapplicable(
                f"The parameter {name} of the client has no reset_parameters, so no untrained copy exists. Define "
                "this method in its module."
            )
        nn.init.normal_(new, std=INITIAL_STD)
    for old, new in zip(module.modules(), fresh.modules(), strict=True):
        if not isinstance(old, Normalize):  # it is known to everyone
            _refuse_kept_numbers(old, new)
    return fresh


def _refuse_quantized(module: nn.Module) -> None:
    """Raise if a layer keeps its weights packed, where no reset finds them."""
    weighted = (part for part in module.modules() if hasattr(part, "weight") or hasattr(part, "get_weight"))
    for part in filter(is_quantized, weighted):
        raise Inapplicable(
            f"The weights of {type(part).__name__}, a quantized layer, cannot be drawn anew, so no untrained copy "
            "exists."
        )


def _refuse_kept_numbers(module: nn.Module, fresh: nn.Module) -> None:
    """Raise if a buffer of a reset module still holds numbers, such as those of a frozen batch normalization."""
    for name, buffer in module.named_buffers(recurse=False):
        kept = buffer.is_floating_point() and torch.equal(buffer, fresh.get_buffer(name))
        if kept and buffer.unique().numel() > 1:
            raise Inapplicable(
                f"The buffer {name} of {type(module).__name__} has no reset, so no untrained copy exists. Reset it "
                "in a method reset_parameters of the module."
            )
