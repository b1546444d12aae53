"""What an attacker believes about images before seeing the wire."""

from __future__ import annotations

from torch import Tensor

from .gaussian import NUMBERS, Gaussian

ROUNDING = 1e-6
"""Rounds the corner of the absolute value in the total variation, so that it has a slope everywhere."""
FLOOR = 1e-3
"""Variance added to that of every direction: what the attacker's images show no variation in may still vary a bit."""
SHARE = 0.1
"""Weight of the Gaussian against the total variation; measured on five MNIST wires, relu2 to fc1, clean and noisy."""


class Prior:
    """Total variation plus a Gaussian with the mean and the covariance of the attacker's images.

    Attributes:
        mean: the mean image, (C, H, W).
    """

    def __init__(self, images: Tensor) -> None:
        """Measure the attacker's images (K, C, H, W)."""
        self.mean = images.mean(0)
        few = self.mean.numel() <= NUMBERS
        self._gaussian = Gaussian(images - self.mean, FLOOR) if few else None

    def penalty(self, images: Tensor) -> Tensor:
        """How unlikely images (N, C, H, W) are, (N,)."""
        variation = total_variation(images)
        if self._gaussian is None:
            return variation
        return variation + SHARE * self._gaussian.penalty(images - self.mean)


def total_variation(images: Tensor) -> Tensor:
    """Mean absolute difference of neighboring pixels, down plus across, (N,)."""
    down, across = images.diff(dim=2), images.diff(dim=3)
    return _absolute(down).mean((1, 2, 3)) + _absolute(across).mean((1, 2, 3))


def _absolute(difference: Tensor) -> Tensor:
    return (difference.square() + ROUNDING).sqrt()
