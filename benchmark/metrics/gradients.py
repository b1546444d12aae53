"""Gradients of values that may not depend on what they are taken by."""

from __future__ import annotations

import torch
from torch import Tensor


def gradient(
    value: Tensor, inputs: Tensor, weights: Tensor | None = None, *, keep_graph: bool = False
) -> Tensor | None:
    """Return the gradient of a value, or of its sum with weights, by its inputs; None if it does not depend on them.

    Args:
        value: A scalar, or any tensor with ``weights`` of its shape.
        inputs: The inputs, which require gradients.
        weights: The weights of the numbers of the value.
        keep_graph: Whether further gradients of what the value was computed from will be asked for.

    Example:
        >>> inputs = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> gradient(inputs.square().sum(), inputs)
        tensor([2., 4.])
        >>> gradient((inputs > 1).float().sum(), inputs) is None
        True
    """
    if not value.requires_grad:
        return None
    return torch.autograd.grad(value, inputs, weights, retain_graph=keep_graph, allow_unused=True)[0]
