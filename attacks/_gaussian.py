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

    The covariance is that of the samples, shrunk towards a multiple of the identity by as much as they are too few to
    tell it, with a floor on the variance in each direction. Exact up to ``NUMBERS`` pixels or ``RANK`` samples; beyond,
    for the ``RANK`` directions of most variance.

    Source: Ledoit & Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices".
    """

    def __init__(self, deviations: Tensor, floor: float) -> None:
        """Measure samples (K, C, H, W) of mean 0; ``floor`` is a variance in squared units of a pixel."""
        self._precision: Tensor | None = None
        exact = len(deviations) > RANK and deviations[0].numel() <= NUMBERS
        samples = (deviations if exact else deviations[: 4 * RANK]).flatten(1).double()  # (K, d)
        gram = (samples.T @ samples if exact else samples @ samples.T) / len(samples)  # (d, d), or dual: (K, K)
        share = _shrinkage(samples, gram)
        self.floor = max(floor, share * gram.trace().item() / samples.shape[1])
        if exact:
            covariance = (1 - share) * gram
            covariance.diagonal().add_(self.floor)
            self._precision = torch.cholesky_inverse(torch.linalg.cholesky(covariance)).float()  # (d, d)
            return
        values, vectors = torch.linalg.eigh(gram)
        values, vectors = values[-RANK:].clamp(min=1e-12), vectors[:, -RANK:]
        self._directions = (samples.T @ vectors / (values * len(samples)).sqrt()).float()  # (d, r), orthonormal
        self._excess = (1 / ((1 - share) * values + self.floor) - 1 / self.floor).float()  # (r,)

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


def _shrinkage(samples: Tensor, gram: Tensor) -> float:
    """The weight of the identity, from 0 to 1, with the smallest expected squared error of the covariance.

    Args:
        samples: of mean 0, (K, d).
        gram: their covariance, (d, d), or the products of samples over K, (K, K), which has the same norm and trace.
    """
    norm = gram.square().sum()
    away = norm - gram.trace().square() / samples.shape[1]  # squared distance from the multiple of the identity
    noise = samples.square().sum(1).square().sum() / len(samples) ** 2 - norm / len(samples)
    return float((noise / away.clamp(min=1e-300)).clamp(0, 1))
