"""The operations between two cuts as one module."""

from __future__ import annotations

import copy
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from .batch_sizes import express, follows_the_batch
from .recording import Facts
from .sizes import tells_sizes
from .tracing import LEAVES, Trace, without_root


class StageBuilder:
    """Makes modules of parts of a graph."""

    def __init__(self, trace: Trace, facts: Facts, carrying: set[fx.Node]) -> None:
        self._root, self._facts, self._carrying = trace.root, facts, carrying
        self._folded = _folded(trace, facts, carrying)
        self._used: set[nn.Module] = set()

    def build(self, before: fx.Node, nodes: Sequence[fx.Node], name: str) -> nn.Module:
        """Build the module of the operations from one cut to the next.

        It is the module of the network itself where it is a single one, so that others recognize it.

        Args:
            before: the value that crosses the cut in front.
            nodes: the operations, of which the last gives the value that crosses the cut behind.
            name: the name of the class of a module that consists of several operations.
        """
        (*_, last) = nodes
        if len(nodes) == 1 and last.op == "call_module" and last.args == (before,) and not last.kwargs:
            return self._own(self._root.get_submodule(str(last.target)))
        graph = fx.Graph()
        parts: dict[str, Any] = {}
        copied = _Copied(graph, before, self._facts, self._carrying, self._folded)
        for node in nodes:
            copied(node)
        graph.output(copied(last))
        for node in graph.nodes:
            if node.op in ("call_module", "get_attr"):
                path = str(node.target)
                node.target = without_root(path)
                parts.update(self._part(path, is_module=node.op == "call_module"))
        return fx.GraphModule(parts, graph, class_name=name).eval()

    def _part(self, path: str, *, is_module: bool) -> dict[str, Any]:
        """Return the module or weight of a node. A weight comes with its layer, which knows how to reset it."""
        if is_module:
            return {without_root(path): self._own(self._root.get_submodule(path))}
        owner_path, _, attribute = path.rpartition(".")
        owner = self._root.get_submodule(owner_path)
        if f"{type(owner).__module__}.".startswith(LEAVES) and not list(owner.children()):
            return {without_root(owner_path): self._own(owner), without_root(path): getattr(owner, attribute)}
        return {without_root(path): getattr(owner, attribute)}

    def _own(self, module: nn.Module) -> nn.Module:
        """Return the module, or a copy if another stage has it and it has no weights."""
        if module in self._used and not has_tensors(module):
            return copy.deepcopy(module)
        self._used.add(module)
        return module


class _Copied:
    """Copies operations into the graph of a stage."""

    def __init__(
        self, graph: fx.Graph, before: fx.Node, facts: Facts, carrying: set[fx.Node], folded: set[fx.Node]
    ) -> None:
        self._graph, self._facts, self._carrying, self._folded = graph, facts, carrying, folded
        self._value = graph.placeholder("value")
        self._known: dict[fx.Node, Any] = {before: self._value}
        self._count: fx.Node | None = None

    def __call__(self, node: fx.Node) -> Any:
        if node not in self._known:
            if node in self._folded:
                self._known[node] = self._tensor(node)
            elif node in self._carrying or self._facts[node][0].holds_tensors:
                self._known[node] = self._graph.node_copy(node, self)
            else:
                self._known[node] = self._plain(node)
        return self._known[node]

    def _plain(self, node: fx.Node) -> Any:
        return express([fact.value for fact in self._facts[node]], self._images, self._device)

    def _tensor(self, node: fx.Node) -> fx.Node:
        settings = {"dtype": self._facts[node][0].dtype, "device": self._device()}
        return self._graph.call_function(torch.tensor, (self._plain(node),), settings)

    def _images(self, factor: int) -> fx.Node:
        """Return a multiple of the number of images, the first size of the value that enters the stage."""
        if self._count is None:
            with self._graph.inserting_after(self._value):
                self._count = self._graph.call_method("size", (self._value, 0))
        return self._count if factor == 1 else self._graph.call_function(operator.mul, (self._count, factor))

    def _device(self) -> fx.Node:
        return self._graph.call_function(getattr, (self._value, "device"))


def _folded(trace: Trace, facts: Facts, carrying: set[fx.Node]) -> set[fx.Node]:
    """Find the tensors that are made anew from their numbers: small ones that follow from sizes and constants alone."""
    found: set[fx.Node] = set()
    for node in trace.graph.nodes:
        known = facts[node][0].dtype is not None and follows_the_batch([fact.value for fact in facts[node]])
        if known and node not in carrying and _is_without_weights(node, trace, found):
            found.add(node)
    return found


def _is_without_weights(node: fx.Node, trace: Trace, folded: set[fx.Node]) -> bool:
    if tells_sizes(node, trace.root):
        return True
    if node.op == "get_attr":
        owner, _, name = str(node.target).rpartition(".")
        value = getattr(trace.root.get_submodule(owner), name)
        return not isinstance(value, nn.Parameter) and (value.numel() == 1 or not value.is_floating_point())
    if node.op == "call_module" and any(True for _ in trace.root.get_submodule(str(node.target)).parameters()):
        return False
    return all(each in folded for each in node.all_input_nodes)


def has_tensors(module: nn.Module) -> bool:
    """Tell whether a module has weights or buffers."""
    return any(True for _ in module.parameters()) or any(True for _ in module.buffers())


def tensors_of(module: nn.Module) -> dict[int, str]:
    """Return the names of the weights and buffers of a module that hold numbers, by the identity of the tensor."""
    named: list[tuple[str, Tensor]] = [*module.named_parameters(), *module.named_buffers()]
    return {id(tensor): name for name, tensor in named if tensor.numel() and tensor.dtype != torch.long}
