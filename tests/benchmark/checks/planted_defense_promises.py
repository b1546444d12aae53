"""Defenses with one fault each in what they cost or promise; see ``planted.py``."""

from dataclasses import dataclass, replace
from typing import ClassVar

from mia_bench import Channel, Promise, SplitModel
from sound_defenses import Noise, Sound
from torch import nn


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


class Overstated(Sound):
    __doc__ = Sound.__doc__
    guarantee: ClassVar[str] = "AES-256-GCM, perfectly secret"


class Readable(Sound):
    __doc__ = Sound.__doc__
    guarantee: ClassVar[str] = "AES-256"

    def protect(self, model, train):
        return replace(super().protect(model, train), promise=Promise("none: a control", secrecy=True))
