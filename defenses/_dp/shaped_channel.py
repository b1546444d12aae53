"""Gaussian noise that is large where the server does not depend on the IR."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...benchmark.errors import Inapplicable
from ...benchmark.interfaces import Channel, drop_low_bits
from ...benchmark.metrics.gradients import gradient

JACOBIAN_IMAGES = 64
"""Training images at which the derivatives of the server are computed."""
MAX_OUTPUTS = 64
"""Most outputs of the server that are differentiated one by one. More are mixed at random."""
TINY = 1e-25
"""Least energy of a direction, so that a server whose outputs do not depend on the IR gets noise, too."""
MAX_DERIVATIVE_NUMBERS = 5 * 10**7
"""Most numbers of all derivatives together (200 MB). Fewer outputs and images are taken for a large IR."""


class ShapedNoise(Channel):
    """Add Gaussian noise whose covariance is proportional to the inverse of A + mean(A) I.

    A is the mean of J^T J over images, for the Jacobian J of the server, so directions of the IR on which its outputs
    depend get less noise. The mean variance of a coordinate is that of isotropic noise.
    """

    directions: Tensor
    deviations: Tensor

    def __init__(self, directions: Tensor, deviations: Tensor, rest: float) -> None:
        """Set orthonormal directions (K, R), the standard deviation along each (R,), and along all others."""
        super().__init__()
        self.register_buffer("directions", directions)
        self.register_buffer("deviations", deviations)
        self.rest = rest
        self.least = min([rest, *deviations.tolist()])
        self.stochastic = rest > 0

    @classmethod
    def of(cls, server: Callable[[Tensor], Tensor], irs: Tensor, sigma: float) -> ShapedNoise:
        """Shape the noise to a server.

        Args:
            server: Maps IRs (N, ...) to outputs (N, outputs).
            irs: IRs of training images, (N, ...).
            sigma: Root of the mean variance of a coordinate.

        Raises:
            Inapplicable: If no output of the server has a derivative by the IR.
        """
        gradients = _gradients(server, irs)  # (rows, K)
        _, scales, directions = torch.linalg.svd(gradients, full_matrices=False)
        energy, size = scales.square(), gradients.shape[1]  # of all images; the number of images cancels
        floor = (energy.sum() / size).clamp(min=TINY)
        variances, rest = 1 / (energy + floor), 1 / floor
        factor = sigma**2 * size / (variances.sum() + (size - len(energy)) * rest)
        return cls(directions.T.contiguous(), (factor * variances).sqrt(), (factor * rest).sqrt().item())

    def forward(self, value: Tensor) -> Tensor:
        """Add fresh noise to the values (N, ...)."""
        noise = torch.randn_like(value).flatten(1)
        along = noise @ self.directions
        shaped = self.rest * noise + (along * (self.deviations - self.rest)) @ self.directions.T
        return drop_low_bits(value + shaped.view_as(value), self.least)

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Return the squared error in units of the noise, times the variance along free directions, (N,)."""
        error = (value - sent).flatten(1)
        if not self.stochastic:
            return error.square().sum(1)
        along = (error @ self.directions).square()
        extra = (along * ((self.rest / self.deviations).square() - 1)).sum(1)
        return error.square().sum(1) + extra

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor | None:
        """Return the log-likelihood up to a constant, (N,), or None without noise."""
        return -self.distance(value, sent).double() / (2 * self.rest**2) if self.stochastic else None

    def merged(self, count: int) -> ShapedNoise:
        """Return the channel of the mean of ``count`` wires, whose noise is smaller by the factor sqrt(count)."""
        root = math.sqrt(count)
        return ShapedNoise(self.directions, self.deviations / root, self.rest / root)


def _gradients(server: Callable[[Tensor], Tensor], irs: Tensor) -> Tensor:
    """Return derivatives of the outputs of a server at IRs (N, ...), one row for each output and IR, (rows, K)."""
    irs = irs[: max(1, MAX_DERIVATIVE_NUMBERS // irs[0].numel())].detach().clone().requires_grad_()
    most = max(1, min(MAX_OUTPUTS, MAX_DERIVATIVE_NUMBERS // irs.numel()))
    with torch.enable_grad():
        outputs = server(irs).flatten(1)
        if outputs.shape[1] > most:
            outputs = outputs @ torch.randn(outputs.shape[1], most, device=irs.device) / most**0.5
        rows = [gradient(each.sum(), irs, keep_graph=True) for each in outputs.unbind(1)]
    found = [row for row in rows if row is not None]
    if not found:
        raise Inapplicable(
            "Expected a server whose outputs have derivatives by the IR for shape=server, got one without. Use "
            "shape=isotropic."
        )
    return torch.cat(found).flatten(1)
