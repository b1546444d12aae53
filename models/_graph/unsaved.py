"""Buffers that a network does not save, in its stages."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, fx, nn


def keep_unsaved(stage: fx.GraphModule, network: nn.Module) -> None:
    """Let buffers that a network does not save, and views of them, be none that its stage saves. torch forgets it.

    Args:
        stage: A part of the network, which is changed.
        network: The network, whose tensors the stage holds.
    """
    unsaved = {
        memory
        for module in network.modules()
        for name, buffer in module.named_buffers(recurse=False)
        if name in module._non_persistent_buffers_set
        for memory in _memory(buffer)
    }
    for module in stage.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if not unsaved.isdisjoint(_memory(buffer)):
                module._non_persistent_buffers_set.add(name)


def _memory(tensor: Tensor) -> Iterator[int]:
    """Yield where the numbers of a tensor begin in memory, if it has some that lie together."""
    if tensor.layout == torch.strided and tensor.numel():
        yield tensor.untyped_storage().data_ptr()
