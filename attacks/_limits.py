"""How many images are worked on at a time, so that large ones fit into memory.

The limits are numbers of the shapes alone, and no question to the machine, so that figures are the same everywhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

MOST = 500
"""Images in one pass through a network, at most."""
PASSED = 2**25
"""Numbers that their wires have together, at most (128 MB); other layers may have some times more."""
SAVED = 2**27
"""Numbers that are kept for the gradient of such images, at most (512 MB)."""
COPIED = 2**26
"""Numbers of wires that are copied to measure something of them, at most (256 MB)."""


def in_one_pass(wire: Tensor) -> int:
    """How many wires like this one (...) go through a network without gradients at a time."""
    return max(1, min(MOST, PASSED // max(1, wire.numel())))


def in_one_graph(client: nn.Module, image: Tensor) -> int:
    """How many images (C, H, W) go through a client at a time, if gradients with respect to them are wanted."""
    constant = {tensor.data_ptr() for tensor in (*client.parameters(), *client.buffers())}
    saved: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in constant:
            saved[tensor.data_ptr()] = tensor.numel()
        return tensor

    def same(tensor: Any) -> Any:
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(count, same):
        value = client(image[None].detach().requires_grad_())
    return max(1, SAVED // max(1, image.numel() + value.numel() + sum(saved.values())))


def sample_size(wire: Tensor, most: int) -> int:
    """How many wires like this one (...) are copied at a time, at most ``most``."""
    return max(1, min(most, COPIED // max(1, wire.numel())))
