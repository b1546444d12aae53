"""A variational information bottleneck."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ..benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
from ._fine_tuning import PASSES, steps, train_jointly

WARM_UP = 0.5
"""Share of the training in which the weight of the divergence rises to its full value, linearly."""
PACE = 20
"""How many times faster the logarithm of the noise is learned than the weights; it starts farther from its goal."""
FIRST_STD = 0.3
"""Standard deviation of the noise at the start, in units of the IR's."""


class _LearnedNoise(Channel):
    """Adds Gaussian noise whose standard deviation is learned for each coordinate and the same for every image."""

    stochastic = True

    def __init__(self, log_std: Tensor) -> None:
        """Take the logarithm of the standard deviations, in the shape of one IR."""
        super().__init__()
        self.paced = nn.Parameter(log_std / PACE)

    @property
    def log_std(self) -> Tensor:
        """Logarithm of the standard deviation of each coordinate, in the shape of one IR."""
        return self.paced * PACE

    def forward(self, value: Tensor) -> Tensor:
        """Add fresh noise to the value (N, ...)."""
        return value + self.log_std.exp() * torch.randn_like(value)

    def divergence(self, value: Tensor) -> Tensor:
        """Kullback-Leibler divergence from the standard normal to the density of what is sent, summed, (N,)."""
        return (0.5 * (value.square() + (2 * self.log_std).exp() - 1) - self.log_std).flatten(1).sum(1)

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """The negative log-likelihood, times two, less a constant, (N,): errors count in units of their noise."""
        return ((value - sent) * (-self.log_std).exp()).square().flatten(1).sum(1)

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor:
        """The log-likelihood, less a constant, (N,)."""
        return -self.distance(value, sent) / 2

    def merged(self, count: int) -> _LearnedNoise:
        """The mean of the wires has a deviation smaller by sqrt(count)."""
        return _LearnedNoise(self.log_std.detach() - math.log(count) / 2).requires_grad_(self.paced.requires_grad)


class Vib(Defense):
    """Trains the client to send no more than the label needs (variational information bottleneck).

    What is sent is z = f1(x) + s * e with normal e and learned s, one for each coordinate. Client, server and s are
    trained on from the given weights, to a low cross-entropy plus ``kl_weight`` times the divergence of z, given the
    image, from a standard normal variable, which bounds the mutual information of image and wire from above, on
    average. The noise is drawn anew for every inference. Nothing is promised about a single image, since the IR may
    be arbitrarily large. Swept over 1e-4, 3e-4, 5e-4 and 1e-3.

    Source: Alemi, Fischer, Dillon, Murphy, ICLR 2017, "Deep variational information bottleneck"; there s depends
    on the image, here it does not. Warm-up and default weight: measured, larger weights from scratch collapse.
    """

    version: ClassVar[int] = 2
    guarantee: ClassVar[str] = "none"

    kl_weight: float = Field(3e-4, ge=0, description="weight of the divergence, summed over the IR")
    tuning_epochs: int = Field(2, ge=1, description=PASSES)

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Train a copy.

        Raises:
            Inapplicable: if the client has no weights.
        """
        protected = model.copy()
        with torch.no_grad():
            ir = protected.client(train.images[:256])
        start = torch.full_like(ir[0], math.log(FIRST_STD * max(ir.std().item(), 1e-3)))
        noise = _LearnedNoise(start)
        protected = replace(protected, ir_channel=noise)
        rise = max(1.0, WARM_UP * steps(train, self.tuning_epochs))
        done = 0

        def penalty(_: Tensor, ir: Tensor) -> Tensor:
            nonlocal done
            done += 1
            return self.kl_weight * min(1.0, done / rise) * noise.divergence(ir).mean()

        train_jointly(protected, train, penalty, epochs=self.tuning_epochs)
        return protected
