"""Copies of a network without its trained weights."""

from __future__ import annotations

import copy

import torch
from torch import nn

from ..errors import Inapplicable
from ..interfaces import Normalize


def untrained_copy(module: nn.Module) -> nn.Module:
    """Return a module of the same structure with fresh random weights, drawn from the current random stream.

    Raises:
        Inapplicable: If a module cannot be reset, since the copy would then contain trained weights.

    Example:
        >>> layer = nn.Linear(8, 4)
        >>> torch.equal(untrained_copy(layer).weight, layer.weight)
        False
    """
    fresh = copy.deepcopy(module)
    for part in fresh.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset):
            reset()
    for (name, old), new in zip(module.named_parameters(), fresh.parameters(), strict=True):
        new.requires_grad_(True)
        if torch.equal(old, new) and old.unique().numel() > 1:
            raise Inapplicable(
                f"The parameter {name} of the client has no reset_parameters, so no untrained copy exists."
            )
    for old, new in zip(module.modules(), fresh.modules(), strict=True):
        if not isinstance(old, Normalize):  # it is known to everyone
            _refuse_kept_numbers(old, new)
    return fresh


def _refuse_kept_numbers(module: nn.Module, fresh: nn.Module) -> None:
    """Raise if a buffer of a reset module still holds numbers, such as those of a frozen batch normalization."""
    for name, buffer in module.named_buffers(recurse=False):
        kept = buffer.is_floating_point() and torch.equal(buffer, fresh.get_buffer(name))
        if kept and buffer.unique().numel() > 1:
            raise Inapplicable(
                f"The buffer {name} of {type(module).__name__} has no reset, so no untrained copy exists."
            )
