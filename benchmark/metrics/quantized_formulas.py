"""Formulas for quantized layers of torch: they count as many operations as their counterparts on floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def _linear(value: Tensor, *others: Any, out_val: Tensor, **named: Any) -> int:
    """Return the operations of a layer (N, ..., I), or of a product of matrices: each output sums I products."""
    return 2 * out_val.numel() * value.shape[-1]


def _kernel(packed: Any, *, transposed: bool, dims: int) -> int:
    """Return the products in one output of a convolution, or with one input of a transposed convolution."""
    name = f"conv{'_transpose' if transposed else ''}{dims}d_unpack"
    weights, _ = getattr(torch.ops.quantized, name)(packed)
    return weights[0].numel()


def _convolution(*given: Any, out_val: Tensor, **named: Any) -> int:
    return 2 * out_val.numel() * _kernel(_packed(given), transposed=False, dims=out_val.dim() - 2)


def _transposed_convolution(value: Tensor, *others: Any, out_val: Tensor, **named: Any) -> int:
    return 2 * value.numel() * _kernel(_packed(others), transposed=True, dims=value.dim() - 2)


def _packed(given: tuple[Any, ...]) -> Any:
    """Return the packed weights among the inputs of an operator."""
    return next(each for each in given if isinstance(each, torch.ScriptObject))


def _recurrent(gates: int) -> Callable[..., int]:
    """Return the formula of recurrent layers: at every step, each image passes each matrix once."""

    def formula(value: Tensor, states: Any, *others: Any, **named: Any) -> int:
        hidden = states[0] if isinstance(states, list | tuple) else states  # (layers x directions, N, H)
        _, _, layers, _, _, bidirectional, *_ = others
        directions, size = 1 + bidirectional, hidden.shape[-1]
        inputs = value.shape[-1] + (layers - 1) * directions * size + layers * size  # of one direction
        return 2 * value.shape[0] * value.shape[1] * gates * size * directions * inputs

    return formula


def _cell(gates: int) -> Callable[..., int]:
    """Return the formula of one step of a recurrent layer: each image passes each matrix once."""

    def formula(value: Tensor, states: Any, *others: Any, **named: Any) -> int:
        hidden = states[0] if isinstance(states, list | tuple) else states  # (N, H)
        return 2 * gates * hidden.numel() * (value.shape[-1] + hidden.shape[-1])

    return formula


QUANTIZED: dict[str, Callable[..., int]] = {
    "aten.quantized_lstm": _recurrent(4),
    "aten.quantized_gru": _recurrent(3),
    "quantized.quantized_lstm_cell_dynamic": _cell(4),
    "quantized.quantized_gru_cell_dynamic": _cell(3),
    "quantized.quantized_rnn_tanh_cell_dynamic": _cell(1),
    "quantized.quantized_rnn_relu_cell_dynamic": _cell(1),
    "quantized.matmul": _linear,
    **{
        f"quantized.linear{kind}": _linear
        for kind in (
            "",
            "_relu",
            "_leaky_relu",
            "_tanh",
            "_dynamic",
            "_relu_dynamic",
            "_dynamic_fp16",
            "_relu_dynamic_fp16",
        )
    },
    **{
        f"quantized.conv{dims}d{kind}": _convolution
        for dims in (1, 2, 3)
        for kind in ("", "_relu", "_add", "_add_relu", "_dynamic")
    },
    **{
        f"quantized.conv_transpose{dims}d{kind}": _transposed_convolution
        for dims in (1, 2, 3)
        for kind in ("", "_dynamic")
    },
}
"""Floating-point operations by the name of the operator, as in ``mac_formulas``."""
