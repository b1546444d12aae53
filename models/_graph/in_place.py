"""Operations that write into their input, replaced by such as do not.

At a cut, the input may be the wire that an adversary has recorded, which must stay as it is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from ...benchmark.errors import UsageError
from .aliases import Aliases
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


def remove_writes(trace: Trace, image_shape: tuple[int, int, int]) -> None:
    """Make each operation return a new tensor, which later operations read in place of the one that it would overwrite.

    Raises:
        UsageError: If an operation writes into a part of a tensor that is read later as a whole, or the reverse.
    """
    writing = [node for node in trace.graph.nodes if _writes(node, trace.root)]
    if not writing:
        return
    order = {node: position for position, node in enumerate(trace.graph.nodes)}
    aliases = Aliases(trace, image_shape)
    for node in writing:
        _redirect(node, aliases, order)
        _make_pure(node, trace.root)


def _writes(node: fx.Node, root: nn.Module) -> bool:
    """Return whether an operation writes into its input, and is one that ``_make_pure`` knows."""
    if node.op == "call_module":
        return bool(_writing_parts(node, root))
    return (node.op == "call_function" and node.kwargs.get("inplace") is True) or _pure_twin(node) is not None


def _writing_parts(node: fx.Node, root: nn.Module) -> list[nn.Module]:
    return [part for part in root.get_submodule(str(node.target)).modules() if getattr(part, "inplace", False)]


def _make_pure(node: fx.Node, root: nn.Module) -> None:
    """Change an operation that writes into its input to one that does not."""
    if node.op == "call_module":
        for part in _writing_parts(node, root):
            part.__dict__["inplace"] = False
    elif node.kwargs.get("inplace") is True:
        node.kwargs = {**node.kwargs, "inplace": False}
    else:
        node.target = _pure_twin(node)


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


def _redirect(node: fx.Node, aliases: Aliases, order: Mapping[fx.Node, int]) -> None:
    """Let what comes later read the new tensor instead of the one that was written over, whatever its name was.

    Raises:
        UsageError: If what comes later reads a tensor of which this one is a part, or which is a part of it.
    """
    written = node.args[0] if node.args else node.kwargs.get("input")
    if not isinstance(written, fx.Node):
        return
    for other in dict.fromkeys((written, *aliases.written_by(node))):
        later = {user for user in other.users if order[user] > order[node]}
        if other is written or aliases.are_one(other, written):
            other.replace_all_uses_with(node, delete_user_cb=later.__contains__)
        elif (
            later
            and aliases.overlap(other, written)
            and not _is_put_back(node, written, other, min(later, key=order.__getitem__))
        ):
            raise UsageError(
                f"Expected operations that write into whole tensors, got {node.name}, which writes into the memory of "
                f"{written.name}, of which {other.name}, which is read later, is another view. Write into a copy, and "
                "put it back where it is a part, as in images[:, :1] = images[:, :1].clamp(0, 1)."
            )


def _is_put_back(node: fx.Node, part: fx.Node, whole: fx.Node, reader: fx.Node) -> bool:
    """Return whether a part is put back into the whole before it is read, as ``images[:, 0] += 1`` does."""
    taken = part.target is operator.getitem and part.args[0] is whole
    return taken and reader.target is operator.setitem and reader.args == (whole, part.args[1], node)
