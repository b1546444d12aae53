"""Defenses with one fault each in what they declare; see ``planted.py``."""

from typing import ClassVar

from mia_bench import Channel
from pydantic import Field
from sound_defenses import Noise, Sound


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


class Secret(Noise):
    stochastic = False

    def log_density(self, value, sent):
        return None


class Undeclared(Sound):
    __doc__ = Sound.__doc__
    made: ClassVar[type[Channel]] = Secret
