"""From an ONNX file to modules of torch."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

from torch import nn

from ..benchmark.errors import UsageError, reason_of
from ..benchmark.utils.extras import require_extra
from ..benchmark.utils.weight_buffers import weight_buffers
from ._onnx_additions import marked
from ._onnx_operators import KNOWN, clean_names

CONTROL_FLOW = frozenset({"If", "Loop", "Scan"})
"""Operators that decide by the numbers they are given what is computed, which no version of them can be without."""
DECOMPOSED = frozenset({"Attention", "CenterCropPad", "RotaryEmbedding"})
"""Newer operators that exporters for version 17 write as several known ones."""
QUANTIZED = re.compile("uantize|QLinear|QGemm|Integer$")
"""How the names of operators on whole numbers look, which the exporters of quantized networks write."""
GIVE_CODE = "give the network with python:build=module:function"
VERSIONS = (None, 17, 16, 13)
"""Versions of the operators to try, in order; None leaves the file as it is. onnx2torch knows them up to 17."""


def packages() -> tuple[Any, Any]:
    """Return onnx and onnx2torch."""
    require_extra("onnx", "onnx", "onnx2torch", "onnxruntime")  # the last one checks the numbers of onnx2torch
    import onnx
    import onnx.version_converter
    import onnx2torch

    warnings.filterwarnings("ignore", "Using a non-tuple sequence", UserWarning, "onnx2torch")  # of its Slice, correct
    return onnx, onnx2torch


def _sized(network: nn.Module) -> nn.Module:
    """Give layer normalizations the sizes of their weights; onnx2torch takes unknown sizes of the input as 0."""
    for module in network.modules():
        if isinstance(module, nn.LayerNorm) and module.elementwise_affine:
            module.normalized_shape = tuple(module.weight.shape)
    return network


def _name_weights(network: nn.Module) -> nn.Module:
    """Make parameters of the weights that onnx2torch keeps as buffers (``weight_buffers``), such as those of MatMul.

    Parameters are counted as costs, and an attacker who is given the structure alone does not get them.
    """
    for module in network.modules():
        for name, buffer in list(weight_buffers(module)):
            delattr(module, name)
            module.register_parameter(name, nn.Parameter(buffer, requires_grad=False))
    return network


def _copied(model: Any) -> Any:
    onnx, _ = packages()
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    return copied


def converted(model: Any, path: Path) -> nn.Module:
    """Return the modules of torch that onnx2torch makes of a file.

    Args:
        model: The ``onnx.ModelProto``, with the operators of ``lower``.
        path: The file, for messages.

    Raises:
        UsageError: If an operator is not known.
    """
    onnx, onnx2torch = packages()
    first: Exception | None = None
    for version in VERSIONS:
        try:
            tried = _copied(model) if version is None else onnx.version_converter.convert_version(model, version)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that numbers may differ, which is found out
                return _name_weights(_sized(onnx2torch.convert(clean_names(marked(tried)))))
        except Exception as error:  # an operator that onnx2torch or the converter does not know
            first = first or error
    assert first is not None
    unknown = re.search(r"Converter is not implemented .*operation_type='(\w+)'", str(first))
    got = f"{unknown[1]} in {path}" if unknown else f"{path}: {reason_of(first)}"
    raise UsageError(
        f"Expected operators that onnx2torch knows, got {got}. {_way(unknown[1] if unknown else '')}"
    ) from first


def _way(operator: str) -> str:
    """Return what to do about an operator that is not known."""
    if QUANTIZED.search(operator):
        return "Give the network as it was before quantization."
    if operator in CONTROL_FLOW:
        return f"Export it without conditions and loops, or {GIVE_CODE}."
    if operator in DECOMPOSED:
        return f"Export it with opset_version={KNOWN}, or {GIVE_CODE}."
    return f"{GIVE_CODE.capitalize()}."
