"""Modules that only wrap a network."""

from __future__ import annotations

import copy

from torch import fx, nn


def unwrapped(network: nn.Module) -> nn.Module:
    """Return the network inside the wrappers of ``torch.compile``, data-parallel training and ``torch.export``.

    Example:
        >>> unwrapped(nn.DataParallel(nn.ReLU()))
        ReLU()
    """
    compiled = getattr(network, "_orig_mod", None)
    if isinstance(compiled, nn.Module):
        return unwrapped(compiled)
    if isinstance(network, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return unwrapped(network.module)
    if isinstance(network, fx.GraphModule) and "eval" in vars(network):
        return _without_guards(network)
    return network


def _without_guards(program: fx.GraphModule) -> fx.GraphModule:
    """Return the graph of an exported program without its checks of the inputs. Such a program refuses ``eval``."""
    graph = copy.deepcopy(program.graph)
    for node in graph.nodes:
        node.meta.clear()
        if node.op == "call_module" and node.target == "_guards_fn":
            graph.erase_node(node)
    return fx.GraphModule(program, graph, type(program).__name__)
