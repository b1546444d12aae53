"""A fully connected layer before sending."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import nn

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ._fine_tuning import PASSES, tune
from ._layers import client_layers, server_layers


class FcBeforeSend(Defense):
    """Sends the IR only after a fully connected layer has mixed all of its coordinates.

    By default the split moves behind the first fully connected layer of the network, and the predictions stay the
    same. With ``width``, the split stays and two new layers are put around it: one on the device that mixes the IR
    into ``width`` numbers, one on the server that expands them to the IR's shape; these two and the server are then
    fine-tuned, the device's own layers are not. The parameter ``tuning_epochs`` counts only with ``width``.

    Source: He, Zhang, Lee, ACSAC 2019, section 7.
    """

    version: ClassVar[int] = 2
    guarantee: ClassVar[str] = "none"

    width: int | None = Field(
        None, ge=1, description="numbers sent by a new layer; by default the network's own is used"
    )
    tuning_epochs: int = Field(1, ge=0, description=f"{PASSES}, if width is given")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Move the split or put the new layers in.

        Raises:
            Inapplicable: without ``width``, if no fully connected layer is behind the split, or one is before it.
        """
        if self.width is None:
            return model.copy().moved_behind(_first_fully_connected(model))
        return _with_bottleneck(model.copy(), train, width=self.width, epochs=self.tuning_epochs)


def _first_fully_connected(model: SplitModel) -> str:
    """Name of the first fully connected layer, which must be behind the split."""
    for name, layer in client_layers(model).items():
        if _is_fully_connected(layer):
            raise Inapplicable(f"the fully connected layer {name!r} is already on the client; choose an earlier split")
    for name, layer in server_layers(model).items():
        if _is_fully_connected(layer):
            return name
    raise Inapplicable("the network has no fully connected layer; give width to put one in")


def _is_fully_connected(layer: nn.Module) -> bool:
    return any(isinstance(part, nn.Linear) for part in layer.modules())


def _with_bottleneck(model: SplitModel, train: ImageSet, *, width: int, epochs: int) -> SplitModel:
    """Put a mixing layer at the end of the client and an expanding one at the start of the server, and train them."""
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
