"""Which values cross at each place of a graph, and where it is a single tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import fx

from .batch_sizes import follows_the_batch
from .conditions import BATCHES
from .recording import Fact, Facts
from .sizes import filling, tells_sizes
from .tracing import Trace


@dataclass(frozen=True)
class Spot:
    """The place behind one operation.

    Attributes:
        node: The operation.
        live: The values that were computed up to here and are read later, in order.
        is_cut: Whether that is a single tensor with an entry for each image.
    """

    node: fx.Node
    live: tuple[fx.Node, ...]
    is_cut: bool


def carried(trace: Trace, facts: Facts) -> set[fx.Node]:
    """Find the values that follow from the numbers in the images, and so have to cross a cut.

    Sizes do not, even if a tensor holds them, nor do tensors that follow from sizes and weights alone: all of these can
    be computed anew behind a cut.
    """
    found: set[fx.Node] = set()
    for node in trace.graph.nodes:
        follows = any(each in found for each in node.all_input_nodes)
        sizes = tells_sizes(node, trace.root) and (filling(node) is None or facts[node][0].shape is not None)
        if facts[node][0].holds_tensors and not sizes:
            crosses = follows or node.op == "placeholder"
        else:
            crosses = (follows and not sizes) or not _known(facts[node])
        if crosses or node.op == "output":
            found.add(node)
    return found


def _known(facts: tuple[Fact, ...]) -> bool:
    return follows_the_batch([fact.shape if fact.value is None else fact.value for fact in facts])


def spots(trace: Trace, facts: Facts, carrying: set[fx.Node]) -> Iterator[Spot]:
    """Walk along a graph with the set of values that are read later."""
    order = {node: position for position, node in enumerate(trace.graph.nodes)}
    last = {node: max((order[user] for user in node.users if user in carrying), default=-1) for node in carrying}
    live: dict[fx.Node, None] = {}
    for node in trace.graph.nodes:
        if node not in carrying or node.op == "output":
            continue
        live = {each: None for each in (*live, node) if last[each] > order[node]}
        if node.op != "placeholder":
            yield Spot(node, tuple(live), list(live) == [node] and is_batch_of_tensors(facts[node]))


def is_batch_of_tensors(facts: tuple[Fact, ...]) -> bool:
    """Tell whether a value is a tensor of floating-point numbers with one entry for each image."""
    return all(fact.shape is not None and fact.shape[:1] == (size,) for fact, size in zip(facts, BATCHES, strict=True))


def remove_dead(trace: Trace) -> None:
    """Erase operations that nobody reads, such as assertions about shapes, which tracing has answered."""
    for node in reversed(list(trace.graph.nodes)):
        if node.op not in ("placeholder", "output") and not node.users:
            trace.graph.erase_node(node)
