"""Operations that tell the sizes of a tensor and nothing of its numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn

METHODS = {"size", "dim", "ndimension", "numel", "nelement", "type", "get_device"}
PROPERTIES = {"shape", "ndim", "device", "dtype", "is_cuda", "layout", "requires_grad"}
FUNCTIONS: set[Any] = {len, torch.numel, torch.is_tensor, torch.is_floating_point, torch._assert}
IN_TENSORS: set[Any] = {torch._shape_as_tensor}
"""Functions that give sizes as a tensor."""
ONNX = "onnx2torch.node_converters.shape"
"""The Python module of the operator of ONNX files that gives sizes as a tensor."""


def tells_sizes(node: fx.Node, root: nn.Module) -> bool:
    """Tell whether an operation gives sizes of its input, as numbers or as a tensor.

    Args:
        node: The operation.
        root: Holds the modules that the graph calls.
    """
    if node.op == "call_method":
        return node.target in METHODS
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] in PROPERTIES
    return (node.op == "call_function" and node.target in FUNCTIONS) or gives_size_tensor(node, root)


def gives_size_tensor(node: fx.Node, root: nn.Module) -> bool:
    """Tell whether an operation gives sizes of its input as a tensor.

    Args:
        node: The operation.
        root: Holds the modules that the graph calls.
    """
    if node.op == "call_module":
        return type(root.get_submodule(str(node.target))).__module__ == ONNX
    return node.op == "call_function" and node.target in IN_TENSORS
