"""The layers of a split model."""

from __future__ import annotations

from torch import nn

from ..benchmark.interfaces import SplitModel
from ..benchmark.interfaces.stages import cut_name


def client_layers(model: SplitModel) -> dict[str, nn.Module]:
    """Return the layers on the device by name, in order, without the normalization, which is not a split point."""
    return {cut_name(child): layer for child, layer in model.client.named_children() if child != "normalize"}


def server_layers(model: SplitModel) -> dict[str, nn.Module]:
    """Return the layers on the server by name, in order."""
    return {cut_name(child): layer for child, layer in model.server.named_children()}
