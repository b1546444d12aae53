"""Operations that tell the sizes of a tensor and nothing of its numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn

METHODS = {"size", "dim", "ndimension", "numel", "nelement", "get_device"}
PROPERTIES = {"shape", "ndim", "device", "dtype", "is_cuda", "layout", "requires_grad"}
FUNCTIONS: set[Any] = {len, torch.numel, torch.is_tensor, torch.is_floating_point, torch._assert}
FILLED: dict[Any, float] = {"new_zeros": 0.0, "new_ones": 1.0, torch.zeros_like: 0.0, torch.ones_like: 1.0}
"""Operations that give a tensor of equal numbers, and these numbers."""
ONNX = "onnx2torch.node_converters.shape"
"""The Python module of the operator of ONNX files that gives sizes as a tensor."""


def tells_sizes(node: fx.Node, root: nn.Module) -> bool:
    """Tell whether an operation gives sizes of its input, as numbers or as a tensor, or a tensor that only has them.

    Args:
        node: The operation.
        root: Holds the modules that the graph calls.
    """
    if node.op == "call_method" and node.target == "type":
        return len(node.args) == 1 and not node.kwargs  # with an argument it converts the tensor
    if node.op == "call_method":
        return node.target in METHODS or node.target in FILLED
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] in PROPERTIES
    if node.op == "call_function" and (node.target in FUNCTIONS or node.target in FILLED):
        return True
    return gives_size_tensor(node, root)


def filling(node: fx.Node) -> float | None:
    """Return the number that an operation fills a tensor with, or None if it does something else."""
    return FILLED.get(node.target) if node.op in ("call_method", "call_function") else None


def gives_size_tensor(node: fx.Node, root: nn.Module) -> bool:
    """Return whether an operation gives sizes of its input as a tensor.

    Args:
        node: The operation.
        root: Holds the modules that the graph calls.
    """
    return calls_module_of(ONNX, node, root)


def calls_module_of(python_module: str, node: fx.Node, root: nn.Module) -> bool:
    """Return whether an operation calls a layer whose class is in a Python module, of the modules in ``root``."""
    return node.op == "call_module" and type(root.get_submodule(str(node.target))).__module__ == python_module
