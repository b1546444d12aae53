"""Defenses with one fault each in what their channels publish; see ``planted.py``."""

from dataclasses import replace
from typing import ClassVar

import torch
from mia_bench import Channel
from sound_defenses import Noise, Sound
from torch import nn


class Cut(Noise):
    def forward(self, value):
        return super().forward(value).detach()


class Detached(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Cut


class Backwards(Noise):
    def distance(self, value, sent):
        return 1e6 - super().distance(value, sent)


class Misleading(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Backwards


class Weighted(Noise):
    """Noise that is larger beside larger numbers; its distance has the term of the scale and may be negative."""

    def scale(self, value):
        return self.level / 100 * (1 + 0.1 * value.abs().flatten(1).mean(1))

    def forward(self, value):
        return value + self.scale(value).view(-1, *[1] * (value.dim() - 1)) * torch.randn_like(value)

    def distance(self, value, sent):
        return -self.log_density(value, sent)

    def log_density(self, value, sent):
        scale, numbers = self.scale(value), value[0].numel()
        return -(value - sent).square().flatten(1).sum(1) / (2 * scale**2) - numbers * scale.log()


class ScaledNoise(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Weighted


class TooSure(Noise):
    def log_density(self, value, sent):
        return 4 * super().log_density(value, sent)


class WrongDensity(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = TooSure


class BesideItsNorm(Noise):
    """Noise, and beside it the norm of the value as it is, which the density leaves out."""

    def clean(self, value):
        return torch.cat([value.flatten(1), value.flatten(1).norm(dim=1, keepdim=True)], 1)

    def forward(self, value):
        clean = self.clean(value)
        return torch.cat([super().forward(clean[:, :-1]), clean[:, -1:]], 1)

    def distance(self, value, sent):
        return (value.flatten(1) - sent[:, :-1]).square().sum(1)

    def log_density(self, value, sent):
        return -self.distance(value, sent) / (2 * self.level**2)


class WithoutTheNorm(nn.Module):
    """Reads a wire without the norm, before the server."""

    def __init__(self, server, shape):
        super().__init__()
        self.server, self.shape = server, shape

    def forward(self, sent):
        return self.server(sent[:, : self.shape.numel()].unflatten(1, self.shape))


class LeavesOut(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        with torch.no_grad():
            shape = model.client(train.images[:1]).shape[1:]
        return replace(
            model.copy(), ir_channel=BesideItsNorm(self.level), server=WithoutTheNorm(model.copy().server, shape)
        )


class Summing(Noise):
    def merge(self, sent):
        return sent.sum(0)


class WrongMerge(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Summing
