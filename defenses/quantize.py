"""Quantization of the IR to few bits per number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
from ..benchmark.training import EPOCHS_HELP, tune_server
from ..benchmark.utils.ir_layout import IrLayout

RANGE_IMAGES = 1024
"""Most training images from which the ranges are computed."""
CLIPPED_SHARE = 0.005
"""Share of the numbers in the training IRs that lies beyond each end of the range, so outliers do not widen it."""
RANGE_OF_EQUALS = 1e-6
"""Range of a channel whose numbers are all equal."""


class _Quantizer(Channel):
    """Round each number to the nearest of 2^bits levels, equally spaced over the range of its channel."""

    low: Tensor
    step: Tensor

    def __init__(self, *, bits: int, low: Tensor, high: Tensor) -> None:
        """Set the number of bits and the ends of the range of each channel, which broadcast to one IR."""
        super().__init__()
        self.bits = bits
        self.register_buffer("low", low)
        span = high - low
        span = torch.where(span > 2**bits * torch.finfo(span.dtype).tiny, span, RANGE_OF_EQUALS)
        self.register_buffer("step", span / (2**bits - 1))

    def forward(self, value: Tensor) -> Tensor:
        """Round the values (N, ...). The gradient is that of clipping to the range (straight-through estimator)."""
        clipped = torch.minimum(value.maximum(self.low), self._high())
        levels = self.low + self.step * self._codes(value)
        return levels + (clipped - clipped.detach())  # This adds exactly zero, so no trace of the value is left.

    def packed_bytes(self, sent: Tensor) -> int:
        """Return the bytes of one IR with ``bits`` bits per number, without gaps."""
        return (sent[0].numel() * self.bits + 7) // 8

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Return the squared distance of the values to the cells that were sent, (N,).

        All values in a cell fit equally well. The cells at the ends are open, because a value outside the range is sent
        as the nearest end.
        """
        codes = self._codes(sent)
        below = (sent - self.step / 2 - value).clamp(min=0) * (codes > 0)
        above = (value - sent - self.step / 2).clamp(min=0) * (codes < 2**self.bits - 1)
        return (below + above).square().flatten(1).sum(1)

    def _codes(self, value: Tensor) -> Tensor:
        """Return the index of the level, 0 to 2^bits - 1, of each number."""
        return ((value.detach() - self.low) / self.step).round().clamp(0, 2**self.bits - 1)

    def _high(self) -> Tensor:
        return self.low + self.step * (2**self.bits - 1)


class Quantize(Defense):
    """Send the IR with few bits per number.

    Each channel of a spatial IR, wherever its axis is, and each number of a vector, has a separate range, computed from
    the training IRs. The server is fine-tuned to the rounded values. Rounding is deterministic and guarantees nothing:
    an attacker who knows the levels, or learns from queries, loses only the differences within a level. Recommended
    sweep: 1, 2, 4, 8 bits.

    Example: ``mia-bench run --defense quantize --bits 1,2,4,8``

    Source: quantized IRs, Eshratifar, Esmaili, Pedram, ISLPED 2019, "BottleNet"; straight-through gradients, Bengio,
    Léonard, Courville 2013.
    """

    version: ClassVar[int] = 3
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {"bits": -1}
    guarantee: ClassVar[str] = "none"

    bits: int = Field(2, ge=1, le=16, description="bits per number of the IR")
    tuning_epochs: int = Field(1, ge=0, description=f"{EPOCHS_HELP}; 0 does not fine-tune")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model that quantizes its IRs, with the server fine-tuned.

        Raises:
            Inapplicable: If the server is to be fine-tuned and has no weights.
        """
        protected = model.copy()
        low, high = _ranges(protected.client, train.images)
        protected = replace(protected, ir_channel=_Quantizer(bits=self.bits, low=low, high=high))
        if self.tuning_epochs:
            tune_server(protected, train, epochs=self.tuning_epochs)
        return protected


def _ranges(encode: Callable[[Tensor], Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
    """Return both ends of the range of each channel, which broadcast to one IR, over the first images (N, C, H, W)."""
    with torch.no_grad():
        values = torch.cat([encode(batch) for batch in images[:RANGE_IMAGES].split(256)])  # (N, ...)
    axis = IrLayout.of(values.shape[1:], image=images.shape[1:]).channel_axis
    values = values.movedim(axis, 1)  # (N, C, ...)
    cut = int(CLIPPED_SHARE * values[:, 0].numel())
    ends = []
    for channel in values.unbind(1):  # One by one: sorting all channels of a wide IR at once would take gigabytes.
        ordered = channel.flatten().sort().values
        ends.append(torch.stack([ordered[cut], ordered[-1 - cut]]))
    low, high = torch.stack(ends, dim=1).view(2, -1, *[1] * (values.ndim - 2)).movedim(1, axis)
    return low, high
