"""A channel that clips and adds noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...benchmark.interfaces import Channel, drop_low_bits
from .clipping import clip_norms
from .rounded_noise import Noise

NORM_ORDER: dict[Noise, int] = {"gaussian": 2, "laplacian": 1}
"""Order of the norm in which the sensitivity is bounded, for each kind of noise."""


def laplacian_scale(sigma: float) -> float:
    """Return the scale b of Laplacian noise whose standard deviation is ``sigma``."""
    return sigma / math.sqrt(2)


class NoiseChannel(Channel):
    """A channel that clips each value to a norm and adds independent noise to each coordinate, in floating point.

    What is sent has no low bits, so it tells what the density of the noise says, as far as floating-point numbers go.
    It promises nothing: see ``GridNoiseChannel``.
    """

    def __init__(self, *, noise: Noise, sigma: float, clip: float | None) -> None:
        """Set the kind of noise, its standard deviation, and the clipping norm (None: no clipping)."""
        super().__init__()
        self.noise: Noise = noise
        self.sigma = sigma
        self.clip = clip
        self.stochastic = sigma > 0

    def clean(self, value: Tensor) -> Tensor:
        """Clip the values (N, ...)."""
        return value if self.clip is None else clip_norms(value, self.clip, NORM_ORDER[self.noise])

    def forward(self, value: Tensor) -> Tensor:
        """Clip the values (N, ...) and add fresh noise."""
        clean = self.clean(value)
        if not self.stochastic:
            return clean
        if self.noise == "gaussian":
            return drop_low_bits(clean + self.sigma * torch.randn_like(clean), self.sigma)
        # The difference of two exponential variables is a Laplacian one.
        difference = torch.empty_like(clean).exponential_() - torch.empty_like(clean).exponential_()
        return drop_low_bits(clean + laplacian_scale(self.sigma) * difference, self.sigma)

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Return the negative log-likelihood of what was sent, times 2 sigma^2, up to a constant, (N,).

        It is the squared L2 distance to the clipped value for Gaussian noise, and 4 b times the L1 distance for
        Laplacian noise of scale b. Both are in units of the squared value, so a prior has the same weight.
        """
        error = (self.clean(value) - sent).flatten(1)  # (N, K)
        if self.noise == "laplacian" and self.stochastic:
            return 4 * laplacian_scale(self.sigma) * error.abs().sum(1)
        return error.square().sum(1)

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor | None:
        """Return the log-likelihood up to a constant, (N,), or None without noise."""
        if not self.stochastic:
            return None
        return (
            -self.distance(value, sent).double() / (2 * self.sigma) / self.sigma
        )  # The square of sigma may underflow.

    def merge(self, sent: Tensor) -> Tensor:
        """Return the most likely clean values given R wires (R, N, ...): their mean, or their median if Laplacian."""
        return _median(sent) if self.noise == "laplacian" else sent.mean(0)

    def merged(self, count: int) -> NoiseChannel:
        """Return the channel of ``count`` merged wires, whose noise is smaller by the factor sqrt(count).

        This is exact for the mean, and an upper bound on the noise for the median.
        """
        return NoiseChannel(noise=self.noise, sigma=self.sigma / math.sqrt(count), clip=self.clip)


def _median(sent: Tensor) -> Tensor:
    """Return the median of R values (R, ...). For even R it is the mean of the two in the middle, unlike in torch."""
    ordered = sent.sort(0).values
    return (ordered[(len(sent) - 1) // 2] + ordered[len(sent) // 2]) / 2
