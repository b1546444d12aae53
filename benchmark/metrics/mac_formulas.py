"""Formulas for operations of torch that its own counter of floating-point operations takes for nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
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


def _stored(value: Tensor) -> int:
    """Return the numbers that a sparse matrix stores, with the zeros within its blocks."""
    if value.layout == torch.sparse_coo:
        return value._values().numel()
    return value.values().numel()


def sparse_product(first: Tensor, second: Tensor) -> int:
    """Return the operations of the product of two matrices, or batches of them, of which one or both are sparse.

    Each number that is stored meets one row, or column, of the other matrix. If both are sparse, it meets the numbers
    that this row stores.
    """
    if first.layout == torch.strided:
        return 2 * _stored(second) * first.shape[-2]
    if second.layout == torch.strided:
        return 2 * _stored(first) * (second.shape[-1] if second.dim() > 1 else 1)
    columns = first.to_sparse_coo().coalesce().indices()[-1]
    rows = second.to_sparse_coo().coalesce().indices()[0]
    return 2 * int(torch.bincount(rows, minlength=second.shape[0])[columns].sum())


def _sparse(first: Tensor, second: Tensor, *others: Any, **named: Any) -> int:
    return sparse_product(first, second)


def _sparse_added(bias: Tensor, first: Tensor, second: Tensor, *others: Any, **named: Any) -> int:
    return sparse_product(first, second)


def _sampled(mask: Tensor, first: Tensor, *others: Any, **named: Any) -> int:
    """Return the operations of those outputs of a product of matrices that a sparse mask stores."""
    return 2 * _stored(mask) * first.shape[-1]


def _matrices_added(bias: Tensor, first: Tensor, second: Tensor, *others: Any, **named: Any) -> int:
    return 2 * first.numel() * second.shape[-1]


def _fourier(value: Tensor, axes: Sequence[int], *others: Any, out_val: Tensor, **named: Any) -> int:
    """Return the operations of fast Fourier transforms: along each axis of length n, (log2 n) / 2 for each number.

    These are the complex products of the radix-2 algorithm. As in other products, a complex one counts as one. If the
    input or the output is real, half as many are needed.
    """
    size, half = max(value.shape.numel(), out_val.shape.numel()), 2
    whole = value if value.numel() == size else out_val
    products = sum(size * math.log2(whole.shape[axis]) for axis in axes) / 2
    return 2 * round(products if value.is_complex() and out_val.is_complex() else products / half)


def _pairwise(value: Tensor, p: float = 2.0, *others: Any, out_val: Tensor, **named: Any) -> int:
    return 2 * out_val.numel() * value.shape[-1] if p == 2 else 0


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
    "aten._sparse_addmm": _sparse_added,
    "aten.sspaddmm": _sparse_added,
    "aten.hspmm": _sparse,
    "aten._sparse_sparse_matmul": _sparse,
    "aten.sparse_sampled_addmm": _sampled,
    "aten._addmm_activation": _matrices_added,
    "aten._fft_r2c": _fourier,
    "aten._fft_c2r": _fourier,
    "aten._fft_c2c": _fourier,
    "aten._pdist_forward": _pairwise,
    "aten.conv_tbc": _convolution_in_time,
    "aten._int_mm": _of_whole_numbers,
    "aten._cdist_forward": _distances,
    "aten._euclidean_dist": _distances,
    "torchvision.deform_conv2d": _deformed_convolution,
}
"""Floating-point operations, two for each multiply-accumulate operation, by the name of the operator."""
SPARSE: dict[str, Callable[..., int]] = {
    "aten.mm": _sparse,
    "aten.bmm": _sparse,
    "aten.mv": _sparse,
    "aten.addmm": _sparse_added,
    "aten.addmv": _sparse_added,
    "aten.baddbmm": _sparse_added,
}
"""The same of products of which a factor is sparse: the numbers that it does not store are not multiplied."""
FACTORIZATIONS = (
    *("aten.linalg_", "aten._linalg_", "aten.cholesky", "aten.geqrf", "aten.ormqr", "aten.orgqr", "aten.lu_"),
    *("aten.triangular_solve", "aten._cholesky", "aten._lu"),
)
"""What the names of solvers and factorizations of matrices begin with, which are not counted."""
OF_ELEMENTS = ("aten.linalg_cross", "aten.linalg_vector_norm", "aten._linalg_check_errors")
"""Operations of such a name that sum no products."""
KNOWN_KINDS = ("aten", "prim", "prims", "quantized", "torchvision")
"""Kinds of operators whose products are known. What others compute, such as kernels of a plug-in, is not."""


def is_unknown(name: str) -> bool:
    """Return whether an operation without a formula may multiply and sum all the same.

    Example:
        >>> is_unknown("aten.relu"), is_unknown("aten._linalg_solve_ex"), is_unknown("flash_attn.forward")
        (False, True, True)
    """
    if name.startswith(OF_ELEMENTS):
        return False
    return name.startswith(FACTORIZATIONS) or name.partition(".")[0] not in KNOWN_KINDS
