"""Operators of newer ONNX versions, written as onnx2torch knows them."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections import Counter
from typing import Any

import numpy as np
from torch import fx, nn

from ..benchmark.errors import UsageError
from ._onnx_folding import folded
from ._onnx_padding import drop, write_pads

KNOWN = 17
"""The version of the operators that onnx2torch knows."""
DROPPED = {"Reshape": {"allowzero"}, "Split": {"num_outputs"}, "Cast": {"saturate"}}
"""Attributes that say nothing of networks: of sizes of 0, of what the number of outputs tells, and of 8-bit numbers."""
PLAIN: dict[str, dict[str, Any]] = {
    "Resize": {"antialias": 0, "keep_aspect_ratio_policy": b"stretch", "axes": None},
    "AveragePool": {"dilations": 1},
}
"""Attributes that version 17 lacks, and their values that mean what it does."""
NOT_IN_NAMES = re.compile(r"[^\w/.:-]")
"""Characters that names do not keep. torch writes names into the code of a network, where a quotation mark would end
them, and the rest of the name would run as code."""


def lower(model: Any) -> Any:
    """Return a model with its operators as those of version 17, each with separate constants.

    Later versions allow more types of numbers for most operators. Reductions take their axes as an input, which becomes
    an attribute again.

    Args:
        model: An ``onnx.ModelProto``, which may be changed. Operators that version 17 lacks stay as they are.

    Raises:
        UsageError: If an operator does what it cannot do in version 17.
    """
    model = folded(model)  # no longer possible when an operator is of another version
    _separate_constants(model.graph)
    _widen(model.graph)
    _shorten_names(model.graph)
    constants = _whole_numbers(model.graph)
    newer = any(not each.domain and each.version > KNOWN for each in model.opset_import)
    sizes = _sizes(model.graph)
    write_pads(model.graph, sizes)
    for node in model.graph.node:
        _refuse_new_meanings(node)
        if node.op_type == "Split":
            _name_parts(node, model.graph, sizes)
        if node.op_type == "Cast":
            _cast_to_single(node)
        drop(node, DROPPED.get(node.op_type, set()))
        if newer:
            _move_axes(node, constants)
    for each in model.opset_import:
        if not each.domain and newer:
            each.version = KNOWN
    return model


def input_of(model: Any) -> Any:
    """Return the first input of a model that is not a constant."""
    constants = {each.name for each in model.graph.initializer}
    return next(each for each in model.graph.input if each.name not in constants)


def _separate_constants(graph: Any) -> None:
    """Give each operator its own constants, where exporters let several share those that are equal.

    Operators that hold a constant or pass one on are removed, since onnx2torch does not look through all of them. A
    network whose layers share weights has no cut between these layers.
    """
    constants = {each.name: each for each in graph.initializer}
    passed: dict[str, str] = {}
    for node in graph.node:
        held = [each.t for each in node.attribute if node.op_type == "Constant" and each.name == "value"]
        given = node.input[0] if node.op_type == "Identity" else ""
        source = passed.get(given, given)
        if held:
            constants[node.output[0]] = _added(graph, held[0], node.output[0])
        if held or source in constants:
            passed[node.output[0]] = source or node.output[0]
    kept = [node for node in graph.node if node.output[0] not in passed]
    taken: set[str] = set()
    for node in kept:
        for place, name in enumerate(node.input):
            source = str(passed.get(name, name))
            if source in taken:
                node.input[place] = f"{source}/{node.output[0]}/{place}"
                _added(graph, constants[source], node.input[place])
            elif source in constants:
                node.input[place] = source
                taken.add(source)
    del graph.node[:]
    graph.node.extend(kept)


def _added(graph: Any, tensor: Any, name: str) -> Any:
    added = graph.initializer.add()
    added.CopyFrom(tensor)
    added.name = name
    return added


def _widen(graph: Any) -> None:
    """Write constants of bfloat16, which NumPy lacks, in single precision, with which all networks are computed."""
    from onnx import TensorProto, numpy_helper

    for each in graph.initializer:
        if each.data_type == TensorProto.BFLOAT16:
            each.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(each).astype(np.float32), each.name))


def _shorten_names(graph: Any) -> None:
    """Take out of each name what the next part of it repeats, as in ``/layer1/layer1.0/conv1/Conv`` of torch.onnx."""
    taken = {node.name for node in graph.node}
    for node in graph.node:
        parts: list[str] = []
        for part in node.name.split("/"):
            if parts and parts[-1] and part.startswith(f"{parts[-1]}."):
                parts.pop()
            parts.append(part)
        if (short := "/".join(parts)) not in taken:
            node.name = short
            taken.add(short)


def clean_names(model: Any) -> Any:
    """Give each operator a name that no other has and that is neither code nor an attribute of modules.

    Args:
        model: An ``onnx.ModelProto``, which is changed.

    Returns:
        The model.
    """
    module, taken = fx.GraphModule(nn.Module(), fx.Graph()), {"initializers"}  # where onnx2torch keeps constants
    counts = Counter[str]()
    for node in model.graph.node:
        plain = unicodedata.normalize("NFKC", node.name)  # as Python reads names in code
        plain = NOT_IN_NAMES.sub("_", plain).replace(".", "/").lstrip("/")
        wanted = name = plain or NOT_IN_NAMES.sub("_", node.op_type)
        while name in taken or hasattr(module, name) or keyword.iskeyword(name):
            counts[wanted] += 1
            name = f"{wanted}_{counts[wanted]}"
        node.name = name
        taken.add(name)
    return model


def _whole_numbers(graph: Any) -> dict[str, Any]:
    """Return the constants that are whole numbers, such as axes, by name."""
    from onnx import TensorProto, numpy_helper

    wanted = [each for each in graph.initializer if each.data_type == TensorProto.INT64]
    return {each.name: numpy_helper.to_array(each) for each in wanted}


def _sizes(graph: Any) -> dict[str, list[int]]:
    """Return the known shapes of values by name; a size that is unknown is 0."""
    known = [*graph.input, *graph.value_info, *graph.output]
    return {each.name: [size.dim_value for size in each.type.tensor_type.shape.dim] for each in known}


def _refuse_new_meanings(node: Any) -> None:
    from onnx import helper

    plain = PLAIN.get(node.op_type, {})
    for each in node.attribute:
        if each.name in plain:
            value = helper.get_attribute_value(each)
            if any(one != plain[each.name] for one in (value if isinstance(value, list) else [value])):
                raise UsageError(
                    f"Expected {node.op_type} without {each.name} in {node.name!r}, got {value}, which cannot be "
                    "converted to torch. Export the network without it."
                )


def _cast_to_single(node: Any) -> None:
    """Make a conversion to another precision one to single precision, with which all networks are computed."""
    from onnx import TensorProto

    for each in node.attribute:
        if each.name == "to" and each.i in (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE):
            each.i = TensorProto.FLOAT


def _name_parts(node: Any, graph: Any, sizes: dict[str, list[int]]) -> None:
    """Make an input of the sizes of the parts, of which the last one is smaller if they cannot be equal."""
    from onnx import helper, numpy_helper

    given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    if "num_outputs" not in given:
        return
    shape, count = sizes.get(node.input[0], []), given["num_outputs"]
    size = shape[given.get("axis", 0)] if shape else 0
    if size % count == 0:  # or it is unknown
        return
    part = -(-size // count)
    parts = np.array([part] * (count - 1) + [size - part * (count - 1)], dtype=np.int64)
    node.input.append(_added(graph, numpy_helper.from_array(parts), f"{node.output[0]}/parts").name)


def _move_axes(node: Any, constants: dict[str, Any]) -> None:
    """Take the axes of an operator from where newer versions have them."""
    if node.op_type.startswith("Reduce") and node.op_type != "ReduceSum":
        _name_axes(node, constants)
    if node.op_type == "Pad" and len(node.input) == 4 and not len(constants.get(node.input[3], [0])):
        node.input.pop()


def _name_axes(node: Any, constants: dict[str, Any]) -> None:
    """Make an attribute of the axes of a reduction, unless they are computed."""
    from onnx import helper

    axes = constants.get(node.input[1]) if len(node.input) > 1 and node.input[1] else []
    if axes is None:
        raise UsageError(
            f"Expected constant axes of {node.op_type} in {node.name!r}, got computed ones. Export constants."
        )
    if not len(axes) and any(each.name == "noop_with_empty_axes" and each.i for each in node.attribute):
        node.op_type = "Identity"
        del node.attribute[:], node.input[1:]
        return
    drop(node, {"noop_with_empty_axes"})
    del node.input[1:]
    if len(axes):
        node.attribute.append(helper.make_attribute("axes", [int(each) for each in axes]))
