"""A defense that does not belong to mia-bench: the IR is rounded to a coarse grid after a random shift."""

from dataclasses import replace
from typing import ClassVar

import torch
from mia_bench import Channel, Defense, ImageSet, SplitModel
from pydantic import Field
from torch import Tensor


class Dither(Defense):
    """Round the dithered IR to multiples of a step before it leaves the device.

    Source: Roberts 1962, "Picture coding using pseudo-random noise" (non-subtractive dither).
    """

    version: ClassVar[int] = 1
    step: float = Field(0.5, gt=0, description="distance of neighboring grid points, in units of the IR")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Put the rounding between client and server."""
        return replace(model.copy(), ir_channel=DitheredRounding(self.step))


class DitheredRounding(Channel):
    """Add uniform noise one step wide, then round."""

    stochastic = True

    def __init__(self, step: float) -> None:
        """Take the distance of grid points."""
        super().__init__()
        self.step = step

    def forward(self, value: Tensor) -> Tensor:
        """Round (N, ...) values to the grid."""
        noise = torch.rand_like(value) - 0.5
        return ((value / self.step + noise).round() * self.step).to(value.dtype)
