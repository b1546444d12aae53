"""A defense for mia-bench."""

from dataclasses import replace
from typing import ClassVar

import torch
from mia_bench import Channel, Defense, ImageSet, SplitModel, drop_low_bits
from pydantic import Field
from torch import Tensor


class MyComponent(Defense):
    """Adds Gaussian noise to the IR before it leaves the device.

    Source: say where the method comes from: the paper, its section and equation.
    """

    version: ClassVar[int] = 1
    guarantee: ClassVar[str] = "none"
    level: float = Field(0.5, ge=0, description="standard deviation of the noise, in units of the IR")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Put the noise between client and server; the model that is given stays as it is."""
        return replace(model.copy(), ir_channel=Noise(self.level))


class Noise(Channel):
    """Adds independent noise to each number; an attacker knows all of this class (Kerckhoffs)."""

    def __init__(self, level: float) -> None:
        """Take the standard deviation."""
        super().__init__()
        self.level = level
        self.stochastic = level > 0

    def forward(self, value: Tensor) -> Tensor:
        """What is sent for values (N, ...), with fresh noise from torch's global generator."""
        if not self.stochastic:
            return value
        return drop_low_bits(value + self.level * torch.randn_like(value), self.level)

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """What a white-box attacker minimizes, (N,): the negative log-likelihood, scaled at will."""
        return (value - sent).square().flatten(1).sum(1)

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor | None:
        """Logarithm of the density of what was sent, less a constant, (N,); it gives the row its bound."""
        return -self.distance(value, sent) / (2 * self.level**2) if self.stochastic else None

    def merged(self, count: int) -> Channel:
        """The mean of several wires has a smaller deviation."""
        return Noise(self.level / count**0.5)
