"""A channel that clips and adds noise."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ...benchmark.interfaces import Channel
from .clipping import clip_norms

Noise = Literal["gaussian", "laplacian"]

NORM_ORDER: dict[Noise, int] = {"gaussian": 2, "laplacian": 1}
"""The norm that a kind of noise bounds the sensitivity in."""


def laplacian_scale(sigma: float) -> float:
    """The scale b of Laplacian noise whose standard deviation is ``sigma``."""
    return sigma / math.sqrt(2)


class NoiseChannel(Channel):
    """Scales each value down to the clipping norm and adds independent noise to each of its coordinates."""

    def __init__(self, *, noise: Noise, sigma: float, clip: float | None) -> None:
        """Take the kind of noise, its standard deviation, and the clipping norm or None."""
        super().__init__()
        self.noise: Noise = noise
        self.sigma = sigma
        self.clip = clip
        self.stochastic = sigma > 0

    def clean(self, value: Tensor) -> Tensor:
        """Clip the value (N, ...)."""
        return value if self.clip is None else clip_norms(value, self.clip, NORM_ORDER[self.noise])

    def forward(self, value: Tensor) -> Tensor:
        """Clip the value (N, ...) and add fresh noise."""
        clean = self.clean(value)
        if not self.stochastic:
            return clean
        if self.noise == "gaussian":
            return clean + self.sigma * torch.randn_like(clean)
        # The difference of two exponential variables is a Laplacian one.
        difference = torch.empty_like(clean).exponential_() - torch.empty_like(clean).exponential_()
        return clean + laplacian_scale(self.sigma) * difference

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """The negative log-likelihood of what was sent, times 2 sigma^2, less a constant, (N,).

        That is the squared L2 distance to the clipped value for Gaussian noise and 4 b times the L1 distance for
        Laplacian noise of scale b, so that both are in units of the squared value and a prior weighs the same.
        """
        error = (self.clean(value) - sent).flatten(1)  # (N, K)
        if self.noise == "laplacian" and self.stochastic:
            return 4 * laplacian_scale(self.sigma) * error.abs().sum(1)
        return error.square().sum(1)

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor | None:
        """The log-likelihood, less a constant, (N,)."""
        if not self.stochastic:
            return None
        return -self.distance(value, sent).double() / (2 * self.sigma) / self.sigma  # the square may be too small

    def merge(self, sent: Tensor) -> Tensor:
        """The most likely clean value of R wires (R, N, ...): their mean, or median for Laplacian noise."""
        return _median(sent) if self.noise == "laplacian" else sent.mean(0)

    def merged(self, count: int) -> NoiseChannel:
        """The same noise with a deviation smaller by sqrt(count), for the mean exact, for the median an upper bound."""
        return NoiseChannel(noise=self.noise, sigma=self.sigma / math.sqrt(count), clip=self.clip)


def _median(sent: Tensor) -> Tensor:
    """The median of R values (R, ...), for even R the middle between the two in the middle (torch takes the lower)."""
    ordered = sent.sort(0).values
    return (ordered[(len(sent) - 1) // 2] + ordered[len(sent) // 2]) / 2
