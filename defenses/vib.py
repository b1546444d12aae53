"""A variational information bottleneck."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ..benchmark.interfaces import Channel, Defense, ImageSet, SplitModel, drop_low_bits
from ..benchmark.training import EPOCHS_HELP, num_steps, train_jointly
from ._deviation import unit_of

WARM_UP_SHARE = 0.5
"""Share of the training during which the weight of the divergence rises linearly to its full value."""
LOG_STD_SPEED = 20
"""Factor by which the logarithm of the noise is learned faster than the weights, since it has farther to go."""
INITIAL_STD = 0.3
"""Initial standard deviation of the noise, in units of that of the IR."""


class _LearnedNoise(Channel):
    """Add Gaussian noise whose standard deviation is learned for each coordinate and is the same for every image."""

    stochastic = True

    def __init__(self, log_std: Tensor) -> None:
        """Set the logarithm of the initial standard deviations, in the shape of one IR."""
        super().__init__()
        self.scaled_log_std = nn.Parameter(log_std / LOG_STD_SPEED)

    @property
    def log_std(self) -> Tensor:
        """Logarithm of the standard deviation of each coordinate, in the shape of one IR."""
        return self.scaled_log_std * LOG_STD_SPEED

    def forward(self, value: Tensor) -> Tensor:
        """Add fresh noise to the values (N, ...)."""
        deviation = self.log_std.exp()
        return drop_low_bits(value + deviation * torch.randn_like(value), deviation)

    def divergence(self, value: Tensor) -> Tensor:
        """Return the Kullback-Leibler divergence of the noisy values from a standard normal, summed, (N,)."""
        return (0.5 * (value.square() + (2 * self.log_std).exp() - 1) - self.log_std).flatten(1).sum(1)

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Return twice the negative log-likelihood up to a constant, (N,): squared errors in units of their noise."""
        return ((value - sent) * (-self.log_std).exp()).square().flatten(1).sum(1)

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor:
        """Return the log-likelihood up to a constant, (N,)."""
        return -self.distance(value, sent) / 2

    def merged(self, count: int) -> _LearnedNoise:
        """Return the channel of the mean of ``count`` wires, whose noise is smaller by the factor sqrt(count)."""
        merged = _LearnedNoise(self.log_std.detach() - math.log(count) / 2)
        return merged.requires_grad_(self.scaled_log_std.requires_grad)


class Vib(Defense):
    """Train the client to send only what the label needs (variational information bottleneck).

    The client sends z = f1(x) + s * e with normal e and a learned s for each coordinate. Training starts from the given
    weights of client and server. It minimizes the loss of the task plus ``kl_weight`` times the divergence of z, given
    the image, from a standard normal variable. On average, it bounds the mutual information of image and wire from
    above. The noise is drawn at every inference. There is no guarantee for a single image, since the IR may be
    arbitrarily large. Recommended sweep of the weight: 1e-4, 3e-4, 5e-4, 1e-3. Warm-up and default weight were
    measured: with larger weights from the start, training collapses.

    Example: ``mia-bench run --defense vib --kl-weight 1e-4,3e-4,5e-4,1e-3``

    Source: Alemi, Fischer, Dillon, Murphy, ICLR 2017, "Deep variational information bottleneck". There s depends on
    the image, here it does not.
    """

    version: ClassVar[int] = 3
    guarantee: ClassVar[str] = "none"

    kl_weight: float = Field(3e-4, ge=0, description="weight of the divergence, summed over the IR")
    tuning_epochs: int = Field(2, ge=1, description=EPOCHS_HELP)

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model with learned noise, trained with the penalty.

        Raises:
            Inapplicable: If the client has no weights.
        """
        protected = model.copy()
        with torch.no_grad():
            ir = protected.client(train.images[:256])
        start = torch.full_like(ir[0], math.log(INITIAL_STD * unit_of(ir)))
        noise = _LearnedNoise(start)
        protected = replace(protected, ir_channel=noise)
        rise = max(1.0, WARM_UP_SHARE * num_steps(train, self.tuning_epochs))
        done = 0

        def penalty(_images: Tensor, _labels: Tensor, ir: Tensor, _logits: Tensor) -> Tensor:
            nonlocal done
            done += 1
            return self.kl_weight * min(1.0, done / rise) * noise.divergence(ir).mean()

        train_jointly(protected, train, penalty, epochs=self.tuning_epochs)
        return protected
