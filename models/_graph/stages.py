"""The operations between two cuts as one module."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from torch import fx, nn

from .copying import Copier, Source
from .recording import Facts
from .standard_layers import standard_layer
from .tracing import LEAVES, Trace, without_root
from .unsaved import keep_unsaved


class StageBuilder:
    """Makes modules of parts of a graph."""

    def __init__(self, trace: Trace, facts: Facts, carrying: set[fx.Node]) -> None:
        self._root, self._source = trace.root, Source(trace, facts, carrying)
        self._used: set[nn.Module] = set()

    def build(self, before: fx.Node, nodes: Sequence[fx.Node], name: str) -> nn.Module:
        """Build the module of the operations from one cut to the next.

        It is the module of the network itself where it is a single one, so that others recognize it. A layer of torch
        that computes something else than its class does, such as an activation as well, is wrapped.

        Args:
            before: The value that crosses the cut in front.
            nodes: The operations, of which the last gives the value that crosses the cut behind.
            name: The name of the class of a module that consists of several operations.
        """
        (*_, last) = nodes
        if len(nodes) == 1 and last.op == "call_module" and last.args == (before,) and not last.kwargs:
            module = self._root.get_submodule(str(last.target))
            if not _computes_more(module):
                return self._own(module)
        if len(nodes) == 1 and (layer := standard_layer(last, before, self._source.facts, self._root)):
            return layer.eval()
        graph = fx.Graph()
        parts: dict[str, Any] = {}
        copied = Copier(graph, before, self._source)
        for node in nodes:
            copied(node)
        graph.output(copied(last))
        for node in graph.nodes:
            if node.op in ("call_module", "get_attr"):
                path = str(node.target)
                node.target = without_root(path)
                parts.update(self._part(path, is_module=node.op == "call_module"))
        stage = fx.GraphModule(parts, graph, class_name=name)
        keep_unsaved(stage, self._root)
        return stage.eval()

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
        """Return the module, or a copy that shares its weights if another stage has it."""
        if module in self._used:
            held = [*module.parameters(), *module.buffers()]
            return copy.deepcopy(module, {id(tensor): tensor for tensor in held})
        self._used.add(module)
        return module


def _computes_more(module: nn.Module) -> bool:
    """Return whether a class outside torch overrides what a layer of torch computes."""
    known = next(kind for kind in type(module).__mro__ if f"{kind.__module__}.".startswith(LEAVES))
    return known is not nn.Module and type(module).forward is not known.forward
