"""Few bits per number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
from ._fine_tuning import PASSES, tune_server

SAMPLE = 1024
"""Training images that fix the range."""
TAIL = 0.005
"""Share of the training IRs' numbers cut off at each end of the range, so that outliers do not widen the cells."""


class _Quantizer(Channel):
    """Rounds each number to the nearest of 2^bits levels, equally spaced over the range of its channel."""

    low: Tensor
    step: Tensor

    def __init__(self, *, bits: int, low: Tensor, high: Tensor) -> None:
        """Take the ends of each channel's range, which broadcast to one IR."""
        super().__init__()
        self.bits = bits
        self.register_buffer("low", low)
        self.register_buffer("step", (high - low).clamp(min=1e-6) / (2**bits - 1))

    def forward(self, value: Tensor) -> Tensor:
        """Round the value (N, ...); its slope is that of clipping to the range (straight-through)."""
        clipped = torch.minimum(value.maximum(self.low), self._high())
        levels = self.low + self.step * self._codes(value)
        return levels + (clipped - clipped.detach())  # adds exactly zero, so no trace of the value is left

    def packed_bytes(self, sent: Tensor) -> int:
        """So many bits per number, without gaps."""
        return (sent[0].numel() * self.bits + 7) // 8

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Squared distance of the value to the cells that were sent, (N,): any value in its cell fits equally well.

        The cells at the ends are open, because what is out of range is sent as the nearest end.
        """
        codes = self._codes(sent)
        below = (sent - self.step / 2 - value).clamp(min=0) * (codes > 0)
        above = (value - sent - self.step / 2).clamp(min=0) * (codes < 2**self.bits - 1)
        return (below + above).square().flatten(1).sum(1)

    def _codes(self, value: Tensor) -> Tensor:
        """The number of the level, 0 to 2^bits - 1, of each number."""
        return ((value.detach() - self.low) / self.step).round().clamp(0, 2**self.bits - 1)

    def _high(self) -> Tensor:
        return self.low + self.step * (2**self.bits - 1)


class Quantize(Defense):
    """Sends the IR in few bits per number.

    Every channel of a spatial IR, and every number of a vector, has a range of its own, fixed on the training IRs.
    The server is fine-tuned to the rounded values. Rounding is not random and promises nothing: an attacker who
    knows the cells, or learns from queries, is stopped only by what they merge. Swept over 1, 2, 4 and 8 bits.

    Source: quantized IRs, Eshratifar, Esmaili, Pedram, ISLPED 2019, "BottleNet"; straight-through gradients, Bengio,
    Léonard, Courville 2013.
    """

    version: ClassVar[int] = 2
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {"bits": -1}
    guarantee: ClassVar[str] = "none"

    bits: int = Field(2, ge=1, le=16, description="bits per number that is sent")
    tuning_epochs: int = Field(1, ge=0, description=f"{PASSES}; 0: no tuning")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Put the quantizer behind the client and tune the server to it.

        Raises:
            Inapplicable: if the server is to be tuned and has no weights.
        """
        protected = model.copy()
        low, high = _ranges(protected.client, train.images)
        protected = replace(protected, ir_channel=_Quantizer(bits=self.bits, low=low, high=high))
        if self.tuning_epochs:
            tune_server(protected, train, epochs=self.tuning_epochs)
        return protected


def _ranges(encode: Callable[[Tensor], Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
    """The range of each channel over the first images (N, C, H, W), both ends (C, 1, ...)."""
    with torch.no_grad():
        values = torch.cat([encode(batch) for batch in images[:SAMPLE].split(256)])  # (N, C, ...)
    cut = int(TAIL * values[:, 0].numel())
    ends = []
    for channel in values.unbind(1):  # one by one: sorting all of a wide IR at once would take gigabytes
        ordered = channel.flatten().sort().values
        ends.append(torch.stack([ordered[cut], ordered[-1 - cut]]))
    low, high = torch.stack(ends, dim=1).view(2, -1, *[1] * (values.ndim - 2))
    return low, high
