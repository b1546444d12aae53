"""What ONNX files say without being run: shapes, and what constant conditions and weights in whole numbers give."""

from __future__ import annotations

from typing import Any

import numpy as np

SAME_SHAPES = frozenset({"Gelu", "GroupNormalization", "Mish", "RMSNormalization", "Swish"})
"""Operators whose outputs are as large as their first input, which the inference of shapes may not know."""


def folded(model: Any) -> Any:
    """Return a copy of a model with the branch of each constant condition, the numbers of weights, and all shapes.

    Args:
        model: An ``onnx.ModelProto``.
    """
    import onnx

    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    graph = copied.graph
    while (node := _constant_condition(graph)) is not None:
        _run(node, graph)
    constants = _constants(graph)
    for node in [each for each in graph.node if each.op_type == "DequantizeLinear"]:
        if all(name in constants for name in node.input if name) and _dequantize(node, graph, constants):
            graph.node.remove(node)
    return _with_shapes(copied)


def _with_shapes(model: Any) -> Any:
    """Return a copy with the shapes of all values, as far as they follow from those of the images."""
    from onnx import NodeProto, shape_inference

    hidden = {}
    for place, node in enumerate(model.graph.node):
        if node.op_type in SAME_SHAPES:
            hidden[place] = NodeProto()
            hidden[place].CopyFrom(node)
            node.CopyFrom(NodeProto(op_type="Relu", input=node.input[:1], output=node.output))
    try:
        inferred = shape_inference.infer_shapes(model)
    except shape_inference.InferenceError:  # of an operator that lacks an input
        inferred = model
    for place, node in hidden.items():
        inferred.graph.node[place].CopyFrom(node)
    return inferred


def _constants(graph: Any) -> dict[str, Any]:
    """Return the constants of a graph by name."""
    found = {each.name: each for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            found.update((node.output[0], each.t) for each in node.attribute if each.name == "value")
    return found


def _constant_condition(graph: Any) -> Any:
    if all(node.op_type != "If" for node in graph.node):
        return None
    constants = _constants(graph)
    return next((node for node in graph.node if node.op_type == "If" and node.input[0] in constants), None)


def _run(node: Any, graph: Any) -> None:
    """Put the operators of the branch that a constant condition chooses in place of the condition."""
    from onnx import helper, numpy_helper

    chosen = bool(numpy_helper.to_array(_constants(graph)[node.input[0]]).item())
    branch = next(each.g for each in node.attribute if each.name == ("then_branch" if chosen else "else_branch"))
    place = list(graph.node).index(node)
    results = zip(branch.output, node.output, strict=True)
    ends = [helper.make_node("Identity", [given.name], [name]) for given, name in results if name]
    before, after = list(graph.node)[:place], list(graph.node)[place + 1 :]
    kept = [*before, *branch.node, *ends, *after]
    graph.initializer.extend(branch.initializer)
    graph.value_info.extend(branch.value_info)
    del graph.node[:]
    graph.node.extend(kept)


def _dequantize(node: Any, graph: Any, constants: dict[str, Any]) -> bool:
    """Add the numbers that a constant in whole numbers means, unless each block of it has its own scale."""
    from onnx import numpy_helper

    settings = {each.name: each.i for each in node.attribute}
    if settings.get("block_size"):
        return False
    values, scale, *zero = (numpy_helper.to_array(constants[name]).astype(np.float32) for name in node.input if name)
    if scale.ndim:  # one for each slice along an axis
        shape = [-1 if axis == settings.get("axis", 1) % values.ndim else 1 for axis in range(values.ndim)]
        scale, zero = scale.reshape(shape), [each.reshape(shape) for each in zero]
    graph.initializer.append(numpy_helper.from_array(((values - sum(zero)) * scale).astype(np.float32), node.output[0]))
    return True
