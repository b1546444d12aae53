"""Defenses with one fault each in what they send and answer; see ``planted.py``."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from mia_bench import Channel, Inapplicable, SplitModel, Wire
from sound_defenses import Noise, Sound
from torch import nn


@dataclass(frozen=True, kw_only=True)
class OneLogit(SplitModel):
    def classify(self, images):
        return super().classify(images)[:, :1]


class WrongLogits(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        return OneLogit(**vars(super().protect(model, train)))


class Mixing(Channel):
    def forward(self, value):
        return value * (1 + value.mean().abs())


class Still(Sound):
    """Does nothing random.

    Source: ours.
    """

    made: ClassVar[type[Channel]] = Mixing

    def protect(self, model, train):
        protected = replace(model.copy(), ir_channel=self.made())
        with torch.no_grad():
            protected.server[-1].bias += self.level
        return protected


class Coupled(Still):
    __doc__ = Still.__doc__


class Undescribed(Noise):
    def log_density(self, value, sent):
        return None


class Mixed(Undescribed):
    def forward(self, value):
        return super().forward(value) + 0.3 * (value.sum(0) - value)


class Loud(Undescribed):
    def forward(self, value):
        return super().forward(value) if len(value) > 1 else value + 1e-3 * torch.randn_like(value)


class CoupledAtRandom(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Mixed


class LoudInBatches(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Loud


class Reseeded(Undescribed):
    stochastic = False

    def forward(self, value):
        torch.manual_seed(0)
        return super().forward(value)


class FixedNoise(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Reseeded


class Divided(Undescribed):
    def forward(self, value):
        return super().forward(value) / (len(value) > 1)


class NeedsABatch(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Divided


class Centered(nn.Module):
    def forward(self, logits):
        return logits - logits.mean(0)


class CoupledServer(Still):
    __doc__ = Still.__doc__
    made: ClassVar[type[Channel]] = Channel

    def protect(self, model, train):
        protected = super().protect(model, train)
        protected.server.append(Centered())
        return protected


class LargeBatchesOnly(nn.Module):
    def forward(self, logits):
        return logits if len(logits) > 100 else -logits


class WorksInLargeBatches(Still):
    __doc__ = Still.__doc__
    made: ClassVar[type[Channel]] = Channel

    def protect(self, model, train):
        protected = super().protect(model, train)
        protected.server.append(LargeBatchesOnly())
        return protected


class Offset(Channel):
    def forward(self, value):
        return value.double() * 1e-3 + 1e6


class FromOffset(nn.Module):
    def forward(self, sent):
        return ((sent - 1e6) * 1e3).float()


class TooPrecise(Still):
    __doc__ = Still.__doc__
    made: ClassVar[type[Channel]] = Offset

    def protect(self, model, train):
        protected = super().protect(model, train)
        return replace(protected, server=nn.Sequential(FromOffset(), *protected.server))


@dataclass(frozen=True, kw_only=True)
class Bytes(SplitModel):
    def send(self, images):
        sent = super().send(images).tensor
        shape = sent.shape[1:]

        def read(messages):
            return torch.stack([torch.frombuffer(bytearray(each), dtype=torch.float32) for each in messages]).view(
                -1, *shape
            )

        return Wire(tuple(each.contiguous().numpy().tobytes() for each in sent), view=read)


class CoupledBytes(Still):
    __doc__ = Still.__doc__

    def protect(self, model, train):
        return Bytes(**vars(super().protect(model, train)))


class ReadsTheIr(Noise):
    def read(self, wire):
        return wire.tensor[:, : 3 * 12 * 12].unflatten(1, (3, 12, 12))


@dataclass(frozen=True, kw_only=True)
class SendsTheImage(SplitModel):
    def send(self, images):
        return Wire(torch.cat([super().send(images).tensor.flatten(1), 2 * images.flatten(1) - 1], 1))

    def exchange(self, wire):
        return super().exchange(Wire(self.ir_channel.read(wire)))


class BesideTheImage(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        if not isinstance(model.server[0], nn.MaxPool2d):
            raise Inapplicable("Expected a wire of feature maps behind relu1.")
        return SendsTheImage(**{**vars(super().protect(model, train)), "ir_channel": ReadsTheIr(self.level)})
