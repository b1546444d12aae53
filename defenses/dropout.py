"""Dropout of coordinates at inference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
from ..benchmark.training import EPOCHS_HELP, tune_server


class _DropoutChannel(Channel):
    """Zero each coordinate with a fixed probability and keep the others unchanged."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.stochastic = rate > 0

    def forward(self, value: Tensor) -> Tensor:
        """Zero coordinates of the values (N, ...) independently, without rescaling the others."""
        return value.masked_fill(torch.rand_like(value) < self.rate, 0.0) if self.stochastic else value

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Return the squared error over the nonzero coordinates, (N,), since a zero may be a dropped coordinate."""
        error = value - sent
        if self.stochastic:
            error = error * (sent != 0)
        return error.square().flatten(1).sum(1)

    def merge(self, sent: Tensor) -> Tensor:
        """Combine R wires (R, N, ...): keep each coordinate that is nonzero in at least one of them.

        Of values that are nearly those sent, as those of a search are, the one farthest from 0 was hardly removed.
        """
        return sent.gather(0, sent.abs().argmax(0, keepdim=True))[0]

    def merged(self, count: int) -> _DropoutChannel:
        """Return the channel of ``count`` merged wires: a coordinate is lost only if it is lost in all of them."""
        return _DropoutChannel(self.rate**count)


class Dropout(Defense):
    """Zero a random part of the IR, or of the image, at every inference.

    The kept coordinates are sent exactly (without rescaling, as in the official code), so an attacker who leaves the
    zeros out of the loss still learns much. There is no guarantee.

    Example: ``mia-bench run --defense dropout --rate 0.3,0.6,0.9``

    Source: He, Zhang, Lee, IEEE IoT-J 2021, and its official code.
    """

    version: ClassVar[int] = 2
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {"rate": 1}
    guarantee: ClassVar[str] = "none"

    rate: float = Field(0.6, ge=0, lt=1, description="probability that a coordinate is zeroed")
    where: Literal["ir", "input"] = Field("ir", description="value that loses coordinates: the IR or the input image")
    noise_aware: bool = Field(False, description="fine-tune the server to the zeros")
    tuning_epochs: int = Field(1, ge=1, description=f"{EPOCHS_HELP}, if noise_aware")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model with dropout after or before the client.

        Raises:
            Inapplicable: If the server is to be fine-tuned and has no weights.
        """
        channel = _DropoutChannel(self.rate)
        protected = model.copy()
        if self.where == "ir":
            protected = replace(protected, ir_channel=channel)
        else:
            protected = replace(protected, input_channel=channel)
        if self.noise_aware:
            tune_server(protected, train, epochs=self.tuning_epochs)
        return protected
