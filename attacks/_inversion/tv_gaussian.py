"""The prior of rMLE: total variation plus a Gaussian."""

from __future__ import annotations

from torch import Tensor

from .cosine_covariance import MAX_GRADIENTS, CosineCovariance
from .gaussian import MAX_COVARIANCE_PIXELS, Gaussian

ROUNDING = 1e-6
"""Rounds the corner of the absolute value in the total variation, so that it has a gradient everywhere."""
VARIANCE_FLOOR = 1e-3
"""Variance added to that of every direction, since private images may vary where the attacker's images do not."""
GAUSSIAN_WEIGHT = 0.1
"""Weight of the Gaussian relative to the total variation, chosen on five MNIST wires, relu2 to fc1, clean and noisy."""


class TvGaussianPrior:
    """Penalize total variation and, as a Gaussian, the distance from the mean of the attacker's images.

    Attributes:
        mean: The mean image, (C, H, W).
        covariance: That of the attacker's images.
        examples: Some of them, (K, C, H, W).

    Example:
        >>> import torch
        >>> prior = TvGaussianPrior(torch.rand(20, 1, 8, 8))
        >>> prior.penalty(torch.rand(3, 1, 8, 8)).shape
        torch.Size([3])
    """

    def __init__(self, images: Tensor) -> None:
        """Measure the attacker's images (K, C, H, W)."""
        self.mean = images.mean(0)
        self.covariance = CosineCovariance(images - self.mean)
        self.examples = images[:MAX_GRADIENTS]
        few = self.mean.numel() <= MAX_COVARIANCE_PIXELS
        self._gaussian = Gaussian(images - self.mean, VARIANCE_FLOOR, from_own_mean=True) if few else None

    def penalty(self, images: Tensor) -> Tensor:
        """Compute how unlikely images (N, C, H, W) are, (N,)."""
        variation = total_variation(images)
        if self._gaussian is None:
            return variation
        return variation + GAUSSIAN_WEIGHT * self._gaussian.penalty(images - self.mean)


def total_variation(images: Tensor) -> Tensor:
    """Compute the mean absolute difference of neighboring pixels (N, C, H, W), down plus across, (N,)."""
    down, across = images.diff(dim=2), images.diff(dim=3)
    return _absolute(down).mean((1, 2, 3)) + _absolute(across).mean((1, 2, 3))


def _absolute(difference: Tensor) -> Tensor:
    return (difference.square() + ROUNDING).sqrt()
