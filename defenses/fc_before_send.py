"""A fully connected layer on the device before the IR is sent."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import nn

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ..benchmark.training import EPOCHS_HELP, tune
from ._layers import client_layers, server_layers


class FcBeforeSend(Defense):
    """Send the IR only after a fully connected layer has mixed all its coordinates.

    By default, the split moves after the first fully connected layer of the network, and the predictions do not change.
    With ``width``, the split stays and two new layers are inserted around it: one on the device that mixes the IR into
    ``width`` numbers, and one on the server that expands them to the shape of the IR. These two and the server are then
    fine-tuned; the other layers on the device are not. ``tuning_epochs`` has an effect only with ``width``.

    Example: ``mia-bench run --defense fc_before_send --width 64,256``

    Source: He, Zhang, Lee, ACSAC 2019, section 7.
    """

    version: ClassVar[int] = 2
    guarantee: ClassVar[str] = "none"

    width: int | None = Field(
        None, ge=1, description="numbers that a new layer sends; none uses a layer of the network"
    )
    tuning_epochs: int = Field(1, ge=0, description=f"{EPOCHS_HELP}, if width is given")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model with a deeper split, or with the new layers.

        Raises:
            Inapplicable: Without ``width``, if no fully connected layer follows the split, or one precedes it.
        """
        if self.width is None:
            return model.copy().moved_behind(_first_fully_connected(model))
        return _with_bottleneck(model.copy(), train, width=self.width, epochs=self.tuning_epochs)


def _first_fully_connected(model: SplitModel) -> str:
    """Return the name of the first fully connected layer, which must follow the split."""
    for name, layer in client_layers(model).items():
        if _is_fully_connected(layer):
            raise Inapplicable(
                f"Expected no fully connected layer on the client, got {name!r}. Choose an earlier split, or "
                "give width."
            )
    for name, layer in server_layers(model).items():
        if _is_fully_connected(layer):
            return name
    raise Inapplicable("Expected a fully connected layer behind the split, got none. Give width to insert one.")


def _is_fully_connected(layer: nn.Module) -> bool:
    return any(isinstance(part, nn.Linear) for part in layer.modules())


def _with_bottleneck(model: SplitModel, train: ImageSet, *, width: int, epochs: int) -> SplitModel:
    """Append a mixing layer to the client, prepend an expanding layer to the server, and fine-tune them."""
    with torch.no_grad():
        shape = model.client(train.images[:1]).shape[1:]
    device = train.images.device
    mix = nn.Sequential(OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(shape.numel(), width))).to(device)
    expand = nn.Sequential(
        OrderedDict(linear=nn.Linear(width, shape.numel()), reshape=nn.Unflatten(1, tuple(shape)))
    ).to(device)
    tune(nn.Sequential(mix, expand, model.server), model.client, train, epochs=epochs)
    return replace(
        model,
        client=nn.Sequential(OrderedDict([*model.client.named_children(), ("fc_mix", mix)])),
        server=nn.Sequential(OrderedDict([("fc_expand", expand), *model.server.named_children()])),
    )
