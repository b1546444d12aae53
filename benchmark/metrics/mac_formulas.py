"""Formulas for operations of torch that its own counter of floating-point operations takes for nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor


def _recurrent(value: Tensor, weights: Tensor | Sequence[Tensor], *others: Any, **named: Any) -> int:
    """Return the operations of a recurrent kernel: at every step, each image passes each matrix once.

    Args:
        value: The input, (steps, N, features) or (N, steps, features).
        weights: The matrices and biases of all layers and directions on GPU, the first of two matrices on CPU.
        others: The other inputs, of which the first is the second matrix on CPU.
        named: Further values, which do not matter.
    """
    matrices = [weights, others[0]] if isinstance(weights, Tensor) else [each for each in weights if each.dim() > 1]
    return 2 * value.shape[0] * value.shape[1] * sum(each.numel() for each in matrices)


def _trilinear(*given: Any, out_val: Tensor, **named: Any) -> int:
    """Return the operations of a bilinear layer (N, I), (O, I, J), (N, J): each output sums I x J products."""
    _, weights, _ = given[:3]
    return 2 * out_val.numel() * weights[0].numel()


def _of_vectors(first: Tensor, *others: Any, **named: Any) -> int:
    """Return the operations of a product of a matrix, or of a vector, with a vector."""
    return 2 * first.numel()


def _added(bias: Tensor, first: Tensor, second: Tensor, **named: Any) -> int:
    """Return the operations of the product of a matrix, or of several, with others, which is added to a bias."""
    return 2 * first.numel() * (second.shape[-1] if second.dim() > 1 else 1)


def _embedding_bag(weights: Tensor, indices: Tensor, *others: Any, out_val: Any, **named: Any) -> int:
    """Return the operations of a sum of embeddings, if they are weighted."""
    weighted = named.get("per_sample_weights", others[4] if len(others) > 4 else None) is not None
    return 2 * indices.numel() * weights.shape[1] if weighted else 0


def _convolution_in_time(value: Tensor, weights: Tensor, *others: Any, out_val: Tensor, **named: Any) -> int:
    """Return the operations of a convolution of (steps, N, features) with (width, features, outputs)."""
    return 2 * out_val.numel() * weights[..., 0].numel()


def _deformed_convolution(value: Tensor, weights: Tensor, *others: Any, out_val: Tensor, **named: Any) -> int:
    return 2 * out_val.numel() * weights[0].numel()


def _of_whole_numbers(first: Tensor, second: Tensor, *others: Any, **named: Any) -> int:
    return 2 * first.numel() * second.shape[1]


def _distances(first: Tensor, second: Tensor, p: float = 2.0, *others: Any, out_val: Tensor, **named: Any) -> int:
    """Return the operations of the distances between rows: sums of squares, if they are Euclidean."""
    return 2 * out_val.numel() * first.shape[-1] if p == 2 else 0


FORMULAS: dict[str, Callable[..., int]] = {
    "aten.mkldnn_rnn_layer": _recurrent,
    "aten._cudnn_rnn": _recurrent,
    "aten._trilinear": _trilinear,
    "aten.mv": _of_vectors,
    "aten.dot": _of_vectors,
    "aten.vdot": _of_vectors,
    "aten.addmv": _added,
    "aten.addbmm": _added,
    "aten._embedding_bag": _embedding_bag,
    "aten._embedding_bag_forward_only": _embedding_bag,
    "aten.conv_tbc": _convolution_in_time,
    "aten._int_mm": _of_whole_numbers,
    "aten._cdist_forward": _distances,
    "aten._euclidean_dist": _distances,
    "torchvision.deform_conv2d": _deformed_convolution,
}
"""Floating-point operations, two for each multiply-accumulate operation, by the name of the operator."""
