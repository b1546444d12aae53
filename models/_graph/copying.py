"""Copies of operations in the graph of a stage, for any number of images."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx, nn

from .batch_sizes import express
from .folding import foldable
from .modes import MODE, gives_mode
from .recording import Facts
from .sizes import filling
from .standard_layers import reshapes_by_tensor
from .tracing import Trace


class Source:
    """The graph that is copied from.

    Attributes:
        root: Holds the modules that the graph calls.
        facts: What the value of each operation is.
        carrying: The operations whose values follow from the numbers in the images.
        folded: Those whose values are tensors that are made anew from their numbers.
    """

    def __init__(self, trace: Trace, facts: Facts, carrying: set[fx.Node]) -> None:
        self.root: nn.Module = trace.root
        self.facts, self.carrying = facts, carrying
        self.folded = foldable(trace, facts, carrying)


class Copier:
    """Copies operations into the graph of a stage."""

    def __init__(self, graph: fx.Graph, before: fx.Node, source: Source) -> None:
        """Let the graph be given the value ``before``."""
        self._graph, self._source = graph, source
        self._value = graph.placeholder("value")
        self._known: dict[fx.Node, Any] = {before: self._value}
        self._count: fx.Node | None = None

    def __call__(self, node: fx.Node) -> Any:
        """Return what stands in the stage for the value of an operation."""
        if node not in self._known:
            self._known[node] = self._copied(node)
        return self._known[node]

    def _copied(self, node: fx.Node) -> Any:
        source = self._source
        if gives_mode(node):
            return self._graph.get_attr(MODE)
        if node in source.folded:
            settings = {"dtype": source.facts[node][0].dtype, "device": self._device()}
            return self._graph.call_function(torch.tensor, (self._plain(node),), settings)
        if node not in source.carrying and not source.facts[node][0].holds_tensors:
            return self._plain(node)
        if node not in source.carrying and (number := filling(node)) is not None:
            shape = express([fact.shape for fact in source.facts[node]], self._images, self._device)
            settings = {"dtype": source.facts[node][0].dtype, "device": self._device()}
            return self._graph.call_function(torch.full, (shape, number), settings)
        if reshapes_by_tensor(node, source.root) and (sizes := self._sizes(node.args[1])):
            return self._graph.call_function(torch.reshape, (self(node.args[0]), sizes))  # pyright: ignore[reportArgumentType]
        return self._graph.node_copy(node, self)

    def _sizes(self, node: Any) -> Any:
        """Return the sizes that a tensor holds as numbers; None if they are not known, or one is to be kept (0)."""
        if node not in self._source.folded:
            return None
        return None if any(0 in fact.value for fact in self._source.facts[node]) else self._plain(node)

    def _plain(self, node: fx.Node) -> Any:
        return express([fact.value for fact in self._source.facts[node]], self._images, self._device)

    def _images(self, factor: int) -> fx.Node:
        """Return a multiple of the number of images, the first size of the value that enters the stage."""
        if self._count is None:
            with self._graph.inserting_after(self._value):
                self._count = self._graph.call_method("size", (self._value, 0))
        return self._count if factor == 1 else self._graph.call_function(operator.mul, (self._count, factor))

    def _device(self) -> fx.Node:
        return self._graph.call_function(getattr, (self._value, "device"))
