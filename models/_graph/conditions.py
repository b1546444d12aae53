"""Conditions and numbers in the code of a network, decided while it is traced if they follow from image sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode

BATCHES = (2, 3)
"""The numbers of images that a network is given, to see what depends on them."""
OTHER_BATCHES = (1, 10_007)
"""More of them, for code that treats one image apart, or many: ``images.split(8)`` has two parts above 8 images."""
Decided = TypeVar("Decided", bool, int, float)
_CALL, _GETATTR = nn.Module.__call__, nn.Module.__getattr__


class Conditions:
    """Computes the values of a graph as far as it is traced, on tensors that have sizes but no numbers."""

    def __init__(self, root: nn.Module, graph: fx.Graph, image_shape: tuple[int, int, int]) -> None:
        """Begin with images of ``image_shape``, once for each number of them."""
        sizes = (*BATCHES, *OTHER_BATCHES)
        self._graph, self._mode = graph, FakeTensorMode(allow_non_fake_inputs=True)
        self._runs = [fx.Interpreter(root, garbage_collect_values=False, graph=graph) for _ in sizes]
        with self._mode:
            for run, size in zip(self._runs, sizes, strict=True):
                run.args_iter = iter([torch.empty(size, *image_shape)])

    def decide(self, node: fx.Node, kind: Callable[[Any], Decided]) -> Decided | None:
        """Return a value as a truth or a number; None if it depends on the numbers in the images or how many there are.

        Args:
            node: Gives the value.
            kind: What the code asks for: ``bool``, ``int``, ``float`` or ``operator.index``.
        """
        return self._same(node, kind)

    def length(self, node: fx.Node) -> int | None:
        """Return how many rows or parts a value has; None if it depends on the images, or is not known.

        Args:
            node: Gives the value, a tensor or a sequence.
        """
        return self._same(node, _length)

    def _same(self, node: fx.Node, kind: Callable[[Any], Decided]) -> Decided | None:
        try:
            with _untraced(), self._mode, torch.no_grad():
                found = {kind(self._value(run, node)) for run in self._runs}
        except Exception:
            return None
        return found.pop() if len(found) == 1 else None

    def _value(self, run: fx.Interpreter, wanted: fx.Node) -> Any:
        for node in self._graph.nodes:
            if node not in run.env:
                run.env[node] = run.run_node(node)
            if node is wanted:
                break
        return run.env[wanted]


def _length(value: Any) -> int:
    """Return the length of something whose entries numbers select."""
    if not isinstance(value, (Tensor, tuple, list)):
        raise TypeError(f"Expected a tensor or a sequence, got {type(value).__name__}. Loop over one of these.")
    return len(value)


@contextmanager
def _untraced() -> Iterator[None]:
    """Have calls of modules computed, not recorded, while a network is traced."""
    call, getattribute = nn.Module.__call__, nn.Module.__getattr__
    nn.Module.__call__, nn.Module.__getattr__ = _CALL, _GETATTR
    try:
        yield
    finally:
        nn.Module.__call__, nn.Module.__getattr__ = call, getattribute
