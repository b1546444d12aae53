"""How many numbers a network keeps for the gradient with respect to an image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def run_with_graph(network: nn.Module, image: Tensor) -> tuple[Tensor, int]:
    """Run a network on an image with gradients with respect to the image.

    Args:
        network: Takes images (N, C, H, W).
        image: The image, (C, H, W).

    Returns:
        The output (1, ...), and the count of the numbers that are kept: of the image, of the output, and of what the
        operations save, but no weights. An image or an output that an operation saves counts twice.

    Example:
        >>> run_with_graph(nn.Flatten(), torch.zeros(1, 8, 8))[1]
        128
        >>> run_with_graph(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), torch.zeros(1, 8, 8))[1]  # 2 (64 + 72)
        272
    """
    weights = {each.data_ptr() for each in (*network.parameters(), *network.buffers())}
    kept: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in weights:
            kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    def same(tensor: Any) -> Any:
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(count, same):
        output = network(image[None].detach().requires_grad_())
    return output, image.numel() + output.numel() + sum(kept.values())
