"""A channel whose wire nobody reads without its own reading."""

from __future__ import annotations

import torch
from mia_bench.benchmark.interfaces import Channel, Wire
from torch import Tensor


class Permuted(Channel):
    """Sends the numbers of each value in another random order, and the order beside them."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        numbers = value.flatten(1)
        order = torch.rand_like(numbers).argsort(1)
        return torch.cat([numbers.gather(1, order), order.float()], 1)

    def read(self, wire: Wire) -> Tensor:
        numbers, order = wire.tensor.chunk(2, 1)
        return torch.empty_like(numbers).scatter(1, order.long(), numbers)


class Misread(Permuted):
    """Sends the value as it is, and says to read nothing of it."""

    def forward(self, value: Tensor) -> Tensor:
        return value

    def read(self, wire: Wire) -> Tensor:
        return torch.zeros_like(wire.tensor)
