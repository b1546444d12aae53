"""Attributes of ONNX operators that say how maps are padded."""

from __future__ import annotations

from typing import Any


def write_pads(graph: Any, sizes: dict[str, list[int]]) -> None:
    """Write out how many zeros make outputs of ``size / stride``, which the converters of TensorFlow leave open.

    Transposed convolutions leave out as many numbers.
    """
    from onnx import helper

    weights = {each.name: list(each.dims) for each in graph.initializer}
    padded = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")
    for node in graph.node:
        given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        side, shape = given.get("auto_pad"), sizes.get(node.input[0], [])[2:] if node.input else []
        wanted = node.op_type in padded and side in (b"SAME_UPPER", b"SAME_LOWER")
        kernel = given.get("kernel_shape") or (weights.get(node.input[1], [])[2:] if len(node.input) > 1 else [])
        if not wanted or not kernel or len(shape) != len(kernel) or 0 in shape:
            continue
        ones = [1] * len(kernel)
        each_side = zip(shape, kernel, given.get("strides", ones), given.get("dilations", ones), strict=True)
        if node.op_type == "ConvTranspose":  # whose outputs are of ``size * stride``
            added = [max((span - 1) * gap + 1 - step, 0) for _, span, step, gap in each_side]
        else:
            added = [
                max((-(-size // step) - 1) * step + (span - 1) * gap + 1 - size, 0)
                for size, span, step, gap in each_side
            ]
        less, more = [total // 2 for total in added], [total - total // 2 for total in added]
        drop(node, {"auto_pad", "pads"})
        node.attribute.append(helper.make_attribute("pads", less + more if side == b"SAME_UPPER" else more + less))


def drop(node: Any, names: set[str]) -> None:
    """Remove attributes of an operator."""
    kept = [each for each in node.attribute if each.name not in names]
    if len(kept) < len(node.attribute):
        del node.attribute[:]
        node.attribute.extend(kept)
