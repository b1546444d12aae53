"""Channels to attack."""

import torch
from mia_bench.benchmark.split_model import Channel
from torch import Tensor


class Dropped(Channel):
    """Keeps half of the coordinates, and says so."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return value * (torch.rand_like(value) < 0.5)

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        return ((value - sent) * (sent != 0)).square().flatten(1).sum(1)
