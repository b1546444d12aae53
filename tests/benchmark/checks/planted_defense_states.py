"""Defenses with one fault each in what they keep, change or draw elsewhere; see ``planted.py``."""

import os
import threading
from dataclasses import replace
from typing import ClassVar

import torch
from mia_bench import Channel
from sound_defenses import Noise, Sound

OUTSIDE = {"level": 0.5}
"""What a component must not keep outside its parameters."""


class Outside(Sound):
    __doc__ = Sound.__doc__

    def channel(self):
        return Noise(self.level * OUTSIDE["level"])


class OwnRandomness(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        protected = super().protect(model, train)
        with torch.no_grad():
            protected.server[-1].bias += int.from_bytes(os.urandom(4), "big") / 2**32
        return protected


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


class Holding(Noise):
    def __init__(self, level=0.5):
        super().__init__(level)
        self.lock = threading.Lock()


class Uncopied(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Holding
