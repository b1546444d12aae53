"""The network that was made of an ONNX file beside ONNX Runtime, which has to give the same numbers."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..benchmark.errors import UsageError, reason_of
from ._onnx_operators import input_of

MAX_DIFFERENCE_SHARE, MAX_HALF_PRECISION_DIFFERENCE_SHARE = 1e-3, 5e-2
"""Largest difference, relative to the largest output; the second for files with numbers of half precision."""
logger = logging.getLogger(__name__)


@torch.no_grad()
def require_same_numbers(network: nn.Module, model: Any, images: Tensor, path: Path) -> None:
    """Raise if ONNX Runtime gives other outputs for an image than a network that was made of the same file.

    A file that ONNX Runtime does not run is not compared, which is logged, nor is a network that does not take the
    image.

    Args:
        network: The network, in evaluation mode.
        model: The ``onnx.ModelProto`` that it was made of.
        images: One image, (1, C, H, W), as the network takes it.
        path: The file, for messages.

    Raises:
        UsageError: If the outputs differ.
    """
    given = _as_declared(images, model)
    try:
        found: Any = network(torch.from_numpy(given.astype(np.float32)))
    except Exception:
        return  # the division of the network names the error
    if not isinstance(found, Tensor):
        return
    try:
        expected = torch.from_numpy(_answer(model, given)).float()
    except Exception as error:  # of a binding, which has no public base class
        _tell(path, reason_of(error))
        return
    if found.shape != expected.shape:
        raise UsageError(
            f"Expected outputs {tuple(expected.shape)} of ONNX Runtime for {path}, got {tuple(found.shape)} from what "
            "onnx2torch makes of it. Give the network with python:build=module:function."
        )
    found, expected = found.nan_to_num(), expected.nan_to_num()
    difference, largest = (found - expected).abs().max().item(), expected.abs().max().item()
    if difference > largest * (
        MAX_HALF_PRECISION_DIFFERENCE_SHARE if _has_half_precision(model) else MAX_DIFFERENCE_SHARE
    ):
        raise UsageError(
            f"Expected the outputs of ONNX Runtime for {path}, of which the largest is {largest:.3g}, got others by up "
            f"to {difference:.3g} from what onnx2torch makes of it. It knows only the usual settings of operators such "
            "as Resize. Export the network with these, or give it with python:build=module:function."
        )


@cache
def _tell(path: Path, reason: str) -> None:
    """Say once that a file is not compared."""
    logger.warning("%s is not compared with ONNX Runtime, which does not run it: %s.", path, reason.rstrip("."))


def _as_declared(images: Tensor, model: Any) -> NDArray[Any]:
    """Return images in the type that the file takes."""
    from onnx import helper

    kind = helper.tensor_dtype_to_np_dtype(input_of(model).type.tensor_type.elem_type)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        return images.round().clamp(float(limits.min), float(limits.max)).numpy().astype(kind)
    return images.numpy().astype(kind)


def _answer(model: Any, given: NDArray[Any]) -> NDArray[Any]:
    import onnx
    import onnxruntime

    freed = onnx.ModelProto()
    freed.CopyFrom(model)
    for value in (input_of(freed), *freed.graph.output):  # the operators may take another size than the file declares
        value.type.tensor_type.ClearField("shape")
    del freed.graph.value_info[:]
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = 1
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(freed.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {input_of(model).name: given})[0])


def _has_half_precision(model: Any) -> bool:
    from onnx import TensorProto

    coarse = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
    casts = [each.i for node in model.graph.node if node.op_type == "Cast" for each in node.attribute]
    return any(each.data_type in coarse for each in model.graph.initializer) or any(each in coarse for each in casts)
