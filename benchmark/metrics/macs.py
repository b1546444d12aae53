"""Multiply-accumulate operations of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def count_macs(call: Callable[[Tensor], object], value: Tensor) -> int:
    """Count the multiply-accumulate operations of one call, by torch's formulas for convolutions and matrix products.

    Attention is computed as the matrix products that it consists of: torch has no formula for its fused kernels, which
    would count as nothing.

    Args:
        call: a module or a function.
        value: what it is given; a tensor on the device ``meta`` will do.

    Example:
        >>> count_macs(torch.nn.Linear(10, 5), torch.zeros(1, 10))
        50
    """
    with unfused_attention(), torch.no_grad(), FlopCounterMode(display=False) as counter:
        call(value)
    return counter.get_total_flops() // 2


@contextmanager
def unfused_attention() -> Iterator[None]:
    """Compute attention as matrix products within a block, rather than by fused kernels.

    Example:
        >>> with unfused_attention():
        ...     torch.backends.mha.get_fastpath_enabled()
        False
    """
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
