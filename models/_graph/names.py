"""Names of the places in a network: the paths of the layers that end there."""

from __future__ import annotations

from collections.abc import Iterable

from torch import fx, nn

from .tracing import Call, Trace, without_root

CONTAINERS = (nn.Sequential, nn.ModuleList)
"""Modules that only hold others; the place behind one is known by the path of the last layer in it."""


class Names:
    """The names of all places of a network."""

    def __init__(self, trace: Trace, nodes: Iterable[fx.Node]) -> None:
        """Name the places behind ``nodes``, which are in order."""
        nodes = list(nodes)
        self._calls = trace.calls
        self._taken = {_dotted(without_root(path)) for path, _ in trace.root.named_modules()}
        self._of_call: dict[Call, str] = {}
        self._last = {call: node for node in nodes for call in trace.calls[node]}
        self._own = {node: self._name(node) for node in nodes}

    def behind(self, node: fx.Node) -> tuple[str, ...]:
        """Return the paths of the layers that end with an operation, beginning with the name of the place."""
        if node.op == "placeholder":
            return ("the images",)
        ended = [call for call in self._calls[node] if self._last[call] is node and call.path]
        layers = [self._of_call[call] for call in ended if type(call.module) not in CONTAINERS]
        return tuple(dict.fromkeys([*layers, self._own[node], *(self._of_call[call] for call in ended)]))

    def _name(self, node: fx.Node) -> str:
        """Return the path of a module that is one operation, or that of the module around a function, and its name."""
        calls = self._calls[node]
        for call in calls:
            if call not in self._of_call:
                path = _dotted(call.path)
                self._of_call[call] = self._unique(path, known=path not in self._of_call.values())
        if node.op == "call_module":
            return self._of_call[calls[-1]]
        around = self._of_call[calls[-1]] if calls else ""
        return self._unique(".".join(filter(None, [around, _operation(node)])))

    def _unique(self, name: str, *, known: bool = False) -> str:
        """Return the name, with ``_1``, ``_2``, ... if it is taken. Paths of modules are reserved for them."""
        chosen, count = name, 0
        while chosen in self._taken and not (known and chosen == name):
            count += 1
            chosen = f"{name}_{count}"
        self._taken.add(chosen)
        return chosen


def _dotted(path: str) -> str:
    """Return a path with dots for the slashes of ONNX files, and without commas, which divide splits."""
    return path.replace("/", ".").replace(",", "_").strip(".")


def _operation(node: fx.Node) -> str:
    target = node.args[1] if node.target is getattr else getattr(node.target, "overloadpacket", node.target)
    name = target if isinstance(target, str) else getattr(target, "__name__", node.name)
    return name.rpartition(".")[2].strip("_") or node.name
