"""A defense for mia-bench."""

from dataclasses import replace
from typing import ClassVar

from mia_bench import Channel, Defense, ImageSet, SplitModel, tune_server
from pydantic import Field
from torch import Tensor


class MyComponent(Defense):
    """Rounds each number of the IR to a multiple of a step, and fine-tunes the server to it.

    Source: say where the method comes from: the paper, its section and equation.
    """

    version: ClassVar[int] = 1
    guarantee: ClassVar[str] = "none"
    step: float = Field(0.5, gt=0, description="distance of two values that are sent, in units of the IR")
    tuning_epochs: int = Field(1, ge=0, description="passes over the training images; 0 does not fine-tune the server")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Put the channel between client and server; the model that is given stays as it is."""
        protected = replace(model.copy(), ir_channel=Rounding(self.step))
        if self.tuning_epochs:
            tune_server(protected, train, epochs=self.tuning_epochs)
        return protected


class Rounding(Channel):
    """Rounds to multiples of a step; an attacker knows all of this class (Kerckhoffs)."""

    def __init__(self, step: float) -> None:
        """Take the step."""
        super().__init__()
        self.step = step

    def forward(self, value: Tensor) -> Tensor:
        """What is sent for values (N, ...). Its gradient is that of the value (straight-through estimator)."""
        return value + ((value / self.step).round() * self.step - value).detach()

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """What a white-box attacker minimizes, (N,): the distance to the values that give what was sent."""
        outside = ((value - sent).abs() - self.step / 2).clamp(min=0)
        return outside.square().flatten(1).sum(1)
