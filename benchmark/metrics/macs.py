"""Multiply-accumulate operations of a network."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from .layer_types import layer_type
from .mac_formulas import FORMULAS, SPARSE, is_unknown
from .quantized_formulas import QUANTIZED

logger = logging.getLogger(__name__)
DOTS = (torch.linalg.vecdot, torch.ops.aten.linalg_vecdot.default)
"""Products of vectors that torch computes as products of elements and their sum, which would count as nothing."""


def count_macs(call: Callable[[Tensor], object], value: Tensor) -> int:
    """Count the multiply-accumulate operations of one call, by torch's formulas for convolutions and matrix products.

    Sums of products count: convolutions, matrix products, and what consists of them. Products of elements, such as
    those of normalizations, do not. Attention is computed as the matrix products that it consists of: torch has no
    formula for its fused kernels, which would count as nothing. ``mac_formulas`` has those that torch lacks. Quantized
    layers count as their counterparts on floats, and sparse matrices by the numbers that they store. A warning names
    operations that are not counted though they may multiply and sum, such as solvers and the kernels of other packages.

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
    with unfused_attention(), counter, _Dots(counter):
        yield counter
    if counter.unknown:
        _warn(tuple(sorted(counter.unknown)))


@cache
def _warn(names: tuple[str, ...]) -> None:
    """Say once what is not counted."""
    logger.warning(
        "The MACs are too low: the operations of %s are not counted. Times that are measured contain them.",
        ", ".join(names),
    )


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
        self.unknown = set[str]()

    @property
    def macs(self) -> int:
        """The multiply-accumulate operations so far."""
        return self.flops // 2

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kind = func._overloadpacket
        name = str(kind).removesuffix("_")  # operations in place end in _
        formula = FORMULAS.get(name) or QUANTIZED.get(name) or flop_registry.get(kind) or _in_place(kind, name)
        if name in SPARSE and any(isinstance(each, Tensor) and each.layout != torch.strided for each in args):
            formula, name = SPARSE[name], f"sparse {name}"  # at another speed than dense products
        if formula is None and func is not torch.ops.prim.device.default:
            with self:  # an operation that consists of others
                result = func.decompose(*args, **(kwargs or {}))
            if result is not NotImplemented:
                return result
            if is_unknown(name):
                self.unknown.add(name)
        result = func(*args, **(kwargs or {}))
        if formula is not None:
            self.add(name, args, formula(*args, **(kwargs or {}), out_val=result))
        return result

    def add(self, name: str, given: Any, flops: int) -> None:
        """Count the floating-point operations of an operation of torch, whose inputs tell its type of layer."""
        self.flops += flops
        self.flops_by_type[layer_type(name, given)] += flops


def _in_place(kind: Any, name: str) -> Callable[..., int] | None:
    """Return the formula of an operation in place: that of the operation which returns its result."""
    if str(kind) == name:
        return None
    return flop_registry.get(getattr(torch.ops.aten, name.partition(".")[2], None))


class _Dots(TorchFunctionMode):
    """Count products of vectors before torch divides them into operations that count as nothing."""

    def __init__(self, counter: Operations) -> None:
        super().__init__()
        self._counter = counter

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = self._counter.flops
        result = func(*args, **(kwargs or {}))
        if func in DOTS and self._counter.flops == before:
            first, second = torch.broadcast_tensors(*args[:2])
            self._counter.add("aten.linalg_vecdot", (first, second), 2 * first.numel())
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
