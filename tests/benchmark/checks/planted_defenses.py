"""Defenses with one fault each; see ``planted.py``."""

import os
import threading
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from mia_bench import Channel, Defense, Inapplicable, Promise, SplitModel, Wire
from pydantic import Field
from torch import nn

OUTSIDE = {"level": 0.5}
"""What a component must not keep outside its parameters."""


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


class NoSource(Sound):
    """Adds noise."""


class Unbounded(Sound):
    __doc__ = Sound.__doc__
    level: float = Field(0.5, description="deviation of the noise")


class Unwritten(Sound):
    __doc__ = Sound.__doc__
    level: float = Field(0.5, gt=0, exclude=True, description="deviation of the noise")


class Idle(Sound):
    __doc__ = Sound.__doc__
    idle: float = Field(1.0, gt=0, description="nothing")


class OwnRandomness(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        protected = super().protect(model, train)
        with torch.no_grad():
            protected.server[-1].bias += int.from_bytes(os.urandom(4), "big") / 2**32
        return protected


class Outside(Sound):
    __doc__ = Sound.__doc__

    def channel(self):
        return Noise(self.level * OUTSIDE["level"])


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


class Spoiling(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        with torch.no_grad():
            model.server[-1].bias += 1
        return super().protect(model, train)


class Sharing(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        return replace(model, ir_channel=self.channel())


class Secret(Noise):
    stochastic = False

    def log_density(self, value, sent):
        return None


class Undeclared(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Secret


class Cut(Noise):
    def forward(self, value):
        return super().forward(value).detach()


class Detached(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Cut


class Holding(Noise):
    def __init__(self, level=0.5):
        super().__init__(level)
        self.lock = threading.Lock()


class Uncopied(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Holding


@dataclass(frozen=True, kw_only=True)
class FreeDevice(SplitModel):
    @property
    def on_device(self):
        return nn.Sequential()


class ForFree(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        return FreeDevice(**vars(super().protect(model, train)))


class Boasting(Sound):
    __doc__ = Sound.__doc__
    guarantee: ClassVar[str] = "(eps, delta)-local DP"

    def protect(self, model, train):
        promise = Promise("(0.1, 1e-05)-local DP", epsilon=0.1, delta=1e-5)
        return replace(super().protect(model, train), promise=promise)


class SendsMore(SplitModel):
    """Sends another message that is not among the wires."""

    def exchange(self, wire):
        return replace(super().exchange(wire), more_bytes_up=wire.nbytes, rounds=2)


class Unseen(Sound):
    __doc__ = Sound.__doc__
    guarantee: ClassVar[str] = "(eps, delta)-local DP"

    def protect(self, model, train):
        promise = Promise("(1e+06, 1e-05)-local DP", epsilon=1e6, delta=1e-5)
        return SendsMore(**vars(replace(super().protect(model, train), promise=promise)))


class Untold(Noise):
    def log_density(self, value, sent):
        return None


class Untestable(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Untold
    guarantee: ClassVar[str] = "(eps, delta)-local DP"

    def protect(self, model, train):
        promise = Promise("(0.01, 1e-05)-local DP", epsilon=0.01, delta=1e-5)
        return replace(super().protect(model, train), promise=promise)


class Unbacked(Sound):
    __doc__ = Sound.__doc__
    guarantee: ClassVar[str] = "AES-256"

    def protect(self, model, train):
        return replace(super().protect(model, train), promise=Promise("AES-256"))


class Readable(Sound):
    __doc__ = Sound.__doc__
    guarantee: ClassVar[str] = "AES-256"

    def protect(self, model, train):
        return replace(super().protect(model, train), promise=Promise("none: a control", secrecy=True))


class Backwards(Noise):
    def distance(self, value, sent):
        return 1e6 - super().distance(value, sent)


class Misleading(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Backwards


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
