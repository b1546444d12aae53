"""The activations of a network: the memory that they take at a time, and what operations read and write of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from .macs import EagerMode, unfused_attention


class Activations(NamedTuple):
    """What one call does with activations.

    Attributes:
        peak_bytes: Largest sum of bytes of activations that are alive at a time.
        operations: Operations that compute something. Views, such as a reshape, and empty memory compute nothing.
        moved_bytes: Bytes of activations that these operations read and write.

    Example:
        >>> Activations(60, 1, 60).operations
        1
    """

    peak_bytes: int
    operations: int
    moved_bytes: int


def count_peak_bytes(call: Callable[[Tensor], object], value: Tensor) -> int:
    """Count the bytes of the activations that are alive at the same time, at most, during one call.

    An activation is alive from the operation that computes it to the last operation that reads it; the input is alive
    from the start, and the result to the end. Views and operations in place share the memory of their input. Networks
    that are divided into stages have no operation in place, since it would change what was sent. Weights do not count,
    and neither do the workspace within an operation and results that nothing reads, such as the indices of a maximum.

    Args:
        call: A module or a function.
        value: Its input, (1, ...).

    Returns:
        Bytes.

    Example:
        >>> count_peak_bytes(torch.nn.Linear(10, 5), torch.zeros(1, 10))
        60
    """
    return count_activations(call, value).peak_bytes


def count_activations(call: Callable[[Tensor], object], value: Tensor) -> Activations:
    """Count the peak of the activations of one call as ``count_peak_bytes`` does, its operations, and what they move.

    An operation reads each activation that it is given, and writes each one that it returns, once. Attention is
    computed as the operations that it consists of.

    Args:
        call: A module or a function.
        value: Its input, (1, ...).

    Example:
        >>> network = torch.nn.Sequential(torch.nn.Linear(10, 5), torch.nn.ReLU(), torch.nn.Unflatten(1, (5, 1)))
        >>> count_activations(network, torch.zeros(1, 10))
        Activations(peak_bytes=60, operations=2, moved_bytes=100)
    """
    with unfused_attention(), torch.no_grad(), _Lifetimes(value) as trace:
        result = call(value)
    trace.steps += 1  # the caller reads the result
    trace.read([result])
    trace.forget_unread()
    changes = [0] * (trace.steps + 2)
    for key, (born, read) in trace.spans.items():
        changes[born] += trace.storages[key].nbytes()
        changes[read + 1] -= trace.storages[key].nbytes()
    alive = peak = 0
    for change in changes:
        alive += change
        peak = max(peak, alive)
    return Activations(peak, trace.operations, trace.moved_bytes)


class _Lifetimes(EagerMode):
    """Record, for each storage, the first and the last step that uses it, and what the steps compute and move."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.steps = self.operations = 0
        self._moved: list[tuple[int, int]] = []
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
        written = [] if "empty" in str(func) else _tensors(result)
        if func._schema.is_mutable or any(_storage_key(each) not in given for each in written):
            self.operations += 1
            moved = [*_tensors((args, kwargs)), *written]
            self._moved += [(_storage_key(each), _bytes(each)) for each in moved]
        return result

    @property
    def moved_bytes(self) -> int:
        """Bytes of activations that the operations read and write."""
        return sum(size for key, size in self._moved if key in self.spans)

    def forget_unread(self) -> None:
        """Leave out results that nothing has read."""
        self.spans = {key: (born, read) for key, (born, read) in self.spans.items() if born < read or not born}

    def read(self, values: object) -> None:
        """Note that this step reads values. Weights, which no step has computed, are ignored."""
        for key in _storages(values).keys() & self.spans.keys():
            self.spans[key] = (self.spans[key][0], self.steps)


def _storages(values: object) -> dict[int, torch.UntypedStorage]:
    return {_storage_key(each): each.untyped_storage() for each in _tensors(values)}


def _tensors(values: object) -> list[Tensor]:
    return [each for each in tree_leaves(values) if isinstance(each, Tensor)]


def _storage_key(value: Tensor) -> int:
    return value.untyped_storage()._cdata


def _bytes(value: Tensor) -> int:
    return value.numel() * value.element_size()
