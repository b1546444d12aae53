"""Small tensors that follow from sizes and constants alone, so that they can be made anew from their numbers."""

from __future__ import annotations

from torch import fx, nn

from .batch_sizes import follows_the_batch
from .recording import Facts
from .sizes import tells_sizes
from .tracing import Trace

ONNX_CONSTANT = "onnx_initializer_"
"""The beginning of the names of constants of ONNX files. Other buffers stay, since weights are stored by name."""


def foldable(trace: Trace, facts: Facts, carrying: set[fx.Node]) -> set[fx.Node]:
    """Find the values that need not be computed by the operations of a graph, such as the sizes that a reshape takes.

    Args:
        trace: The operations.
        facts: What the value of each is.
        carrying: Those whose values follow from the numbers in the images.
    """
    found: set[fx.Node] = set()
    for node in trace.graph.nodes:
        first = facts[node][0]
        known = first.dtype and first.value is not None and follows_the_batch([fact.value for fact in facts[node]])
        if known and node not in carrying and _has_no_weights(node, trace.root, found):
            found.add(node)
    return found


def _has_no_weights(node: fx.Node, root: nn.Module, folded: set[fx.Node]) -> bool:
    if tells_sizes(node, root):
        return True
    if node.op == "get_attr":
        owner, _, name = str(node.target).rpartition(".")
        value = getattr(root.get_submodule(owner), name)
        is_constant = name.startswith(ONNX_CONSTANT) and not isinstance(value, nn.Parameter)
        return is_constant and (value.numel() == 1 or not value.is_floating_point())
    if node.op == "call_module" and any(True for _ in root.get_submodule(str(node.target)).parameters()):
        return False
    return all(each in folded for each in node.all_input_nodes)
