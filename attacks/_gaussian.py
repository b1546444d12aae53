"""A Gaussian fitted to images or to errors, as a penalty."""

from __future__ import annotations

import torch
from torch import Tensor

NUMBERS = 2**12
"""Pixels up to which a covariance is formed; beyond, its inverse takes longer than the attack."""
RANK = 512
"""Directions kept of a covariance that is not formed; all others get the floor."""


class Gaussian:
    """Squared Mahalanobis length of deviations, per pixel.

    The variance in each direction is that of the samples plus a floor: what they show no variation in may still vary a
    bit. Exact up to ``NUMBERS`` pixels or ``RANK`` samples; beyond, for the ``RANK`` directions of most variance.
    """

    def __init__(self, deviations: Tensor, floor: float) -> None:
        """Measure samples (K, C, H, W) of mean 0; ``floor`` is a variance in squared units of a pixel."""
        self.floor = floor
        self._precision: Tensor | None = None
        if len(deviations) > RANK and deviations[0].numel() <= NUMBERS:
            samples = deviations.flatten(1).double()  # (K, d)
            covariance = samples.T @ samples / len(samples)
            covariance.diagonal().add_(floor)
            self._precision = torch.cholesky_inverse(torch.linalg.cholesky(covariance)).float()  # (d, d)
            return
        samples = deviations[: 4 * RANK].flatten(1).double()
        values, vectors = torch.linalg.eigh(samples @ samples.T / len(samples))  # dual: (K, K)
        values, vectors = values[-RANK:].clamp(min=1e-12), vectors[:, -RANK:]
        self._directions = (samples.T @ vectors / (values * len(samples)).sqrt()).float()  # (d, r), orthonormal
        self._excess = (1 / (values + floor) - 1 / floor).float()  # (r,)

    def penalty(self, deviations: Tensor) -> Tensor:
        """How unlikely deviations (N, C, H, W) are, (N,)."""
        away = deviations.flatten(1)
        pull = self._whitened(away.detach())
        quadratic = 2 * pull * away - pull * away.detach()  # its slope is 2 * pull, without a second product
        return quadratic.mean(1)

    def _whitened(self, away: Tensor) -> Tensor:
        if self._precision is not None:
            return away @ self._precision
        return away / self.floor + (away @ self._directions * self._excess) @ self._directions.T
