"""Defenses without a fault, from which those with one are made; see ``planted.py``."""

from dataclasses import replace
from typing import ClassVar

import torch
from mia_bench import Channel, Defense
from pydantic import Field
from torch import nn


class Noise(Channel):
    stochastic = True

    def __init__(self, level: float = 0.5) -> None:
        super().__init__()
        self.level = level

    def forward(self, value):
        return value + self.level * torch.randn_like(value)

    def log_density(self, value, sent):
        return -(value - sent).square().flatten(1).sum(1) / (2 * self.level**2)

    def merged(self, count):
        return type(self)(self.level / count**0.5)


class Sound(Defense):
    """Adds noise.

    Source: ours.
    """

    made: ClassVar[type[Channel]] = Noise
    level: float = Field(0.5, gt=0, description="deviation of the noise")

    def channel(self) -> Channel:
        return self.made(self.level)

    def protect(self, model, train):
        return replace(model.copy(), ir_channel=self.channel())


class Halved(Noise):
    """Every other number, in other units, with noise."""

    def clean(self, value):
        return value.flatten(1)[:, ::2] / 10

    def forward(self, value):
        return super().forward(self.clean(value))

    def log_density(self, value, sent):
        return -self.distance(value, sent) / (2 * self.level**2)


class Rounded(Halved):
    """Whole numbers, at random the lower or the upper one."""

    def clean(self, value):
        return 20 * super().clean(value) / self.level

    def forward(self, value):
        clean = self.clean(value)
        return (clean + torch.rand_like(clean) - 0.5).round().to(torch.int16)

    def merged(self, count):
        return self

    def log_density(self, value, sent):
        return None


class Filling(nn.Module):
    """Zeros for the numbers that were not sent, before the server."""

    def __init__(self, server, shape):
        super().__init__()
        self.server, self.shape = server, shape

    def forward(self, sent):
        return self.server(torch.stack([sent, 0 * sent], 2).flatten(1).unflatten(1, self.shape).float())


class Shorter(Sound):
    """Sends half the numbers with noise.

    Source: ours.
    """

    made: ClassVar[type[Channel]] = Halved
    level: float = Field(0.05, gt=0, description="deviation of the noise")

    def protect(self, model, train):
        shape = model.client(train.images[:1]).shape[1:]
        return replace(model.copy(), ir_channel=self.channel(), server=Filling(model.copy().server, shape))


class WholeNumbers(Shorter):
    __doc__ = Shorter.__doc__
    made: ClassVar[type[Channel]] = Rounded


class Coding(Channel):
    """Sends whole multiples of a step as bytes, and reads them."""

    def __init__(self, step, shape):
        super().__init__()
        self.step, self.shape = step, shape

    def forward(self, value):
        return tuple((each / self.step).round().short().cpu().numpy().tobytes() for each in value.detach())

    def read(self, wire):
        numbers = [torch.frombuffer(bytearray(message), dtype=torch.int16) for message in wire.payload]
        return self.step * torch.stack(numbers).unflatten(1, self.shape)


class Coded(Shorter):
    __doc__ = Shorter.__doc__

    def protect(self, model, train):
        shape = model.client(train.images[:1]).shape[1:]
        return replace(model.copy(), ir_channel=Coding(self.level, shape))
