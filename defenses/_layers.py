"""The layers of a split model."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from ..benchmark.errors import UsageError
from ..benchmark.interfaces import SplitModel
from ..benchmark.interfaces.stages import cut_called, cut_name

SHAPING = (nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout, nn.Dropout2d)
"""Layers that only change the shape in evaluation mode. They run where their neighbors run."""


def client_layers(model: SplitModel) -> dict[str, nn.Module]:
    """Return the layers on the device by name, in order, without the normalization, which is not a split point."""
    return {cut_name(child): layer for child, layer in model.client.named_children() if child != "normalize"}


def server_layers(model: SplitModel) -> dict[str, nn.Module]:
    """Return the layers on the server by name, in order."""
    return {cut_name(child): layer for child, layer in model.server.named_children()}


def layer_called(model: SplitModel, wanted: str, parameter: str) -> str:
    """Return the layer of a split model that a path names, as ``--split`` takes it.

    Args:
        model: The split model.
        wanted: The path.
        parameter: The name of the parameter that gives it, for the error message.

    Raises:
        UsageError: If the network has no such layer or cannot be split after it.
    """
    known = [*client_layers(model), *server_layers(model)]
    found = wanted if wanted in known else cut_called(wanted, model.places)
    if found is None or found not in known:
        raise UsageError(f"Unknown layer {wanted!r} in {parameter}. Choose one of the layers: {', '.join(known)}.")
    return found


def children(network: nn.Sequential) -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers of a network with their names. A layer that occurs twice is yielded twice.

    Example:
        >>> relu = nn.ReLU()
        >>> [name for name, _ in children(nn.Sequential(relu, nn.Flatten(), relu))]
        ['0', '1', '2']
    """
    return ((name, layer) for name, layer in network._modules.items() if layer is not None)


def flat(network: nn.Sequential, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers of a network with their names, also those inside of sequences in it.

    Example:
        >>> [name for name, _ in flat(nn.Sequential(nn.Sequential(nn.ReLU(), nn.Flatten()), nn.Identity()))]
        ['0.0', '0.1', '1']
    """
    for name, layer in children(network):
        if isinstance(layer, nn.Sequential):
            yield from flat(layer, f"{prefix}{name}.")
        else:
            yield prefix + name, layer
