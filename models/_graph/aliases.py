"""Which values of a graph change when an operation writes into the memory of one of them."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from .conditions import BATCHES
from .recording import on_meta
from .tracing import Trace


class Aliases:
    """The values of a graph, and which of them each operation writes over."""

    def __init__(self, trace: Trace, image_shape: tuple[int, int, int]) -> None:
        """Run the graph once, on tensors without numbers unless an operation asks for one."""
        try:
            run = _run(_Watching(on_meta(trace.root), graph=trace.graph), image_shape, "meta")
        except Exception:  # an operation asks for a number, or makes tensors on the CPU
            run = _run(_Watching(trace.root, graph=trace.graph), image_shape, "cpu")
        self._values, self._written = run.values, run.written

    def written_by(self, node: fx.Node) -> list[fx.Node]:
        """Return the earlier values whose memory an operation writes into, the whole of it or a part."""
        return self._written.get(node, [])

    def are_one(self, first: fx.Node, second: fx.Node) -> bool:
        """Return whether two values are the same numbers in memory, in the same order."""
        one, other = self._values[first], self._values[second]
        if not isinstance(one, Tensor) or not isinstance(other, Tensor):
            return False
        return _key(one) == _key(other)

    def overlap(self, first: fx.Node, second: fx.Node) -> bool:
        """Return whether two values have a number in memory in common."""
        ones, others = pytree.tree_leaves(self._values[first]), pytree.tree_leaves(self._values[second])
        tensors = [(one, other) for one in ones for other in others]
        return any(_overlap(*both) for both in tensors if all(isinstance(each, Tensor) for each in both))


class _Watching(fx.Interpreter):
    """Runs a graph and keeps all values, each with the operations that write into it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, garbage_collect_values=False, **kwargs)
        self.values: dict[fx.Node, Any] = {}
        self.written: dict[fx.Node, list[fx.Node]] = {}
        self._versions: dict[fx.Node, list[int]] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run one operation, and find out which earlier values have changed."""
        value = super().run_node(n)
        if n.target is operator.setitem:  # it gives None, and stands for the tensor from here on
            value = self.values[n.args[0]]  # type: ignore[index]
        for node, before in self._versions.items():
            now = _versions(self.values[node])
            if now != before:
                self.written.setdefault(n, []).append(node)
                self._versions[node] = now
        self.values[n], self._versions[n] = value, _versions(value)
        return value


def _run(watching: _Watching, image_shape: tuple[int, int, int], device: str) -> _Watching:
    with torch.no_grad():
        watching.run(torch.zeros(BATCHES[0], *image_shape, device=device))
    return watching


def _versions(value: Any) -> list[int]:
    return [each._version for each in pytree.tree_leaves(value) if isinstance(each, Tensor)]


def _key(tensor: Tensor) -> tuple[Any, ...]:
    memory = tensor.untyped_storage()._cdata
    return memory, tensor.dtype, tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


def _overlap(first: Tensor, second: Tensor) -> bool:
    if first.untyped_storage()._cdata != second.untyped_storage()._cdata:
        return False
    if first.element_size() != second.element_size():
        return True
    marks = torch.zeros(first.untyped_storage().nbytes() // first.element_size(), dtype=torch.bool)
    _marked(marks, first).fill_(True)
    return bool(_marked(marks, second).any())


def _marked(marks: Tensor, like: Tensor) -> Tensor:
    return marks.as_strided(like.shape, like.stride(), like.storage_offset())
