"""Multiply-accumulate operations of a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from .layer_types import layer_type
from .mac_formulas import FORMULAS
from .quantized_formulas import QUANTIZED


def count_macs(call: Callable[[Tensor], object], value: Tensor) -> int:
    """Count the multiply-accumulate operations of one call, by torch's formulas for convolutions and matrix products.

    Sums of products count: convolutions, matrix products, and what consists of them. Products of elements, such as
    those of normalizations, do not. Attention is computed as the matrix products that it consists of: torch has no
    formula for its fused kernels, which would count as nothing. ``mac_formulas`` has those that torch lacks. Quantized
    layers count as their counterparts on floats.

    Args:
        call: A module or a function.
        value: What it is given; a tensor on the device ``meta`` will do.

    Example:
        >>> count_macs(torch.nn.Linear(10, 5), torch.zeros(1, 10))
        50
    """
    with torch.no_grad(), counted_macs() as counter:
        call(value)
    return counter.macs


def count_macs_by_type(call: Callable[[Tensor], object], value: Tensor) -> Mapping[str, int]:
    """Count the multiply-accumulate operations of one call as ``count_macs`` does, by the type of layer.

    Args:
        call: A module or a function.
        value: What it is given.

    Example:
        >>> dict(count_macs_by_type(torch.nn.Linear(10, 5), torch.zeros(1, 10)))
        {'linear': 50}
    """
    with torch.no_grad(), counted_macs() as counter:
        call(value)
    return {kind: flops // 2 for kind, flops in counter.flops_by_type.items()}


@contextmanager
def counted_macs(*, counts: bool = True) -> Iterator[Operations]:
    """Count the multiply-accumulate operations of a block, as ``count_macs`` does.

    Args:
        counts: Whether to count. False computes the block as usual and yields a counter that stays at 0.

    Example:
        >>> with counted_macs() as counter:
        ...     _ = torch.ones(2, 3) @ torch.ones(3, 4)
        >>> counter.macs
        24
    """
    counter = Operations()
    if not counts:
        yield counter
        return
    with unfused_attention(), counter:
        yield counter


class EagerMode(TorchDispatchMode):
    """Observe operations without the compiler of torch.

    Torch hides each mode from its compiler, which takes 1.7 s of imports even if nothing is compiled.

    Example:
        >>> with EagerMode():
        ...     torch.ones(2).sum().item()
        2.0
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute an operation."""
        return func(*args, **(kwargs or {}))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


class Operations(EagerMode):
    """Sum the floating-point operations. ``FlopCounterMode`` does this as well, but imports the compiler.

    Example:
        >>> Operations().macs
        0
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0
        self.flops_by_type = Counter[str]()

    @property
    def macs(self) -> int:
        """The multiply-accumulate operations so far."""
        return self.flops // 2

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kind = func._overloadpacket
        formula = FORMULAS.get(str(kind)) or QUANTIZED.get(str(kind)) or flop_registry.get(kind)
        if formula is None and func is not torch.ops.prim.device.default:
            with self:  # an operation that consists of others
                result = func.decompose(*args, **(kwargs or {}))
            if result is not NotImplemented:
                return result
        result = func(*args, **(kwargs or {}))
        if formula is not None:
            flops = formula(*args, **(kwargs or {}), out_val=result)
            self.flops += flops
            self.flops_by_type[layer_type(str(kind), args)] += flops
        return result


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
