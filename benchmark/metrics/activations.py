"""The largest amount of memory that the activations of a network take at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from .macs import EagerMode, unfused_attention


def count_peak_bytes(call: Callable[[Tensor], object], value: Tensor) -> int:
    """Count the bytes of the activations that are alive at the same time, at most, during one call.

    An activation is alive from the operation that computes it to the last operation that reads it; the input is alive
    from the start, and the result to the end. Views and operations in place share the memory of their input. Weights
    do not count, and neither does the workspace within an operation.

    Args:
        call: A module or a function.
        value: Its input, (1, ...).

    Returns:
        Bytes.

    Example:
        >>> count_peak_bytes(torch.nn.Linear(10, 5), torch.zeros(1, 10))
        60
    """
    with unfused_attention(), torch.no_grad(), _Lifetimes(value) as trace:
        result = call(value)
    trace.read([result])
    changes = [0] * (trace.steps + 2)
    for key, (born, read) in trace.spans.items():
        changes[born] += trace.storages[key].nbytes()
        changes[read + 1] -= trace.storages[key].nbytes()
    alive = peak = 0
    for change in changes:
        alive += change
        peak = max(peak, alive)
    return peak


class _Lifetimes(EagerMode):
    """Record, for each storage, the first and the last step that uses it."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.steps = 0
        storage = value.untyped_storage()
        # Storages are kept until the end, or else a new one could have the address of an old one.
        self.storages = {storage._cdata: storage}
        self.spans = {storage._cdata: (0, 0)}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.steps += 1
        given = _storages((args, kwargs))
        self.read((args, kwargs))
        result = func(*args, **(kwargs or {}))
        for key, storage in _storages(result).items():
            if key not in given and key not in self.spans:
                self.storages[key], self.spans[key] = storage, (self.steps, self.steps)
        return result

    def read(self, values: object) -> None:
        """Note that this step reads values. Weights, which no step has computed, are ignored."""
        for key in _storages(values).keys() & self.spans.keys():
            self.spans[key] = (self.spans[key][0], self.steps)


def _storages(values: object) -> dict[int, torch.UntypedStorage]:
    tensors = [each for each in tree_leaves(values) if isinstance(each, Tensor)]
    found = [each.untyped_storage() for each in tensors]
    return {storage._cdata: storage for storage in found}
