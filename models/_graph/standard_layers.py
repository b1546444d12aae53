"""Operations that a layer of torch does as well, so that defenses recognize them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from .recording import Facts
from .sizes import calls_module_of

ACTIVATIONS: dict[Any, type[nn.Module]] = {
    **dict.fromkeys(("relu", torch.relu, functional.relu), nn.ReLU),
    **dict.fromkeys(("sigmoid", torch.sigmoid, functional.sigmoid), nn.Sigmoid),
    **dict.fromkeys(("tanh", torch.tanh, functional.tanh), nn.Tanh),
}
SHAPING: set[Any] = {"flatten", "view", "reshape", torch.flatten, torch.reshape}
ONNX_RESHAPE = "onnx2torch.node_converters.reshape"
"""The Python module of the operator of ONNX files that takes sizes as a tensor."""


def standard_layer(node: fx.Node, before: fx.Node, facts: Facts, root: nn.Module) -> nn.Module | None:
    """Return the layer of torch that does the same as one operation: an activation, or the flattening of each image.

    Args:
        node: The operation.
        before: The value that it has to be given alone.
        facts: What its value is.
        root: Holds the modules that the graph calls.

    Returns:
        The layer, or None if none does the same.
    """
    if not node.args or node.args[0] is not before:
        return None
    if node.op in ("call_method", "call_function") and len(node.args) == 1 and not any(node.kwargs.values()):
        layer = ACTIVATIONS.get(node.target)
        if layer is not None:
            return layer()
    return nn.Flatten() if _only_shapes(node, root) and _is_flattened(node, before, facts) else None


def reshapes_by_tensor(node: fx.Node, root: nn.Module) -> bool:
    """Return whether an operation is that of ONNX files which takes a tensor and, as another tensor, its new sizes."""
    return calls_module_of(ONNX_RESHAPE, node, root)


def _only_shapes(node: fx.Node, root: nn.Module) -> bool:
    return (node.op in ("call_method", "call_function") and node.target in SHAPING) or reshapes_by_tensor(node, root)


def _is_flattened(node: fx.Node, before: fx.Node, facts: Facts) -> bool:
    shapes = [(given.shape, made.shape) for given, made in zip(facts[before], facts[node], strict=True)]
    return all(given and made and made == (given[0], math.prod(given[1:])) for given, made in shapes)
