"""The layers of a split model."""

from __future__ import annotations

from torch import nn

from ..benchmark.interfaces import SplitModel


def client_layers(model: SplitModel) -> dict[str, nn.Module]:
    """The named layers on the device, in order, without the normalization, which is no split point."""
    return {name: layer for name, layer in model.client.named_children() if name != "normalize"}


def server_layers(model: SplitModel) -> dict[str, nn.Module]:
    """The named layers in the cloud, in order."""
    return dict(model.server.named_children())
