"""Operations that write into their input, replaced by such as do not.

At a cut, the input may be the wire that an adversary has recorded, which must stay as it is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from .tracing import Trace


def setitem(tensor: Tensor, place: Any, value: Any) -> Tensor:
    """Return a copy of a tensor with other numbers at a place, such as an index or a slice."""
    copied = tensor.clone()
    copied[place] = value
    return copied


OPERATORS: dict[Any, Callable[..., Any]] = {
    operator.setitem: setitem,
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
    operator.ifloordiv: operator.floordiv,
    operator.imod: operator.mod,
    operator.ipow: operator.pow,
    operator.imatmul: operator.matmul,
}


def remove_writes(trace: Trace) -> None:
    """Make each operation return a new tensor; what was written over is no longer read."""
    for node in list(trace.graph.nodes):
        if _made_pure(node, trace.root):
            _read_from(node)


def _made_pure(node: fx.Node, root: nn.Module) -> bool:
    """Change an operation that writes into its input; whether it was one."""
    if node.op == "call_module":
        writing = [part for part in root.get_submodule(str(node.target)).modules() if getattr(part, "inplace", False)]
        for part in writing:
            part.__dict__["inplace"] = False
        return bool(writing)
    if node.op == "call_function" and node.kwargs.get("inplace") is True:
        node.kwargs = {**node.kwargs, "inplace": False}
        return True
    pure = _pure_twin(node)
    if pure is None:
        return False
    node.target = pure
    return True


def _pure_twin(node: fx.Node) -> Any:
    """Return the operation that does the same without writing, or None if there is none."""
    if node.target in OPERATORS:
        return OPERATORS[node.target]
    name = str(node.target) if node.op == "call_method" else getattr(node.target, "__name__", "")
    if not name.endswith("_") or name.endswith("__"):
        return None
    if node.op == "call_method":
        return name[:-1] if hasattr(Tensor, name[:-1]) else None
    return getattr(torch, name[:-1], None) or getattr(functional, name[:-1], None)


def _read_from(node: fx.Node) -> None:
    """Let what comes later read the new tensor instead of the one that was written over."""
    written = node.args[0] if node.args else node.kwargs.get("input")
    if isinstance(written, fx.Node):
        earlier = {node, *_before(node)}
        written.replace_all_uses_with(node, delete_user_cb=lambda user: user not in earlier)


def _before(node: fx.Node) -> list[fx.Node]:
    found = []
    while node.prev.op != "root":
        node = node.prev
        found.append(node)
    return found
