"""A known distribution of images, under which a bound on every attacker can be computed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mixture:
    """Describe a mixture of Gaussians from which all images of a dataset were drawn, independently.

    Attributes:
        weights: The probability of each component, (K,).
        means: The mean image of each component, (K, C, H, W), float64.
        covariances: The covariance of the pixels of each component, (K, C * H * W, C * H * W), float64.

    Example:
        >>> prior = Mixture(torch.ones(1), torch.full((1, 1, 8, 8), 0.5).double(), 1e-3 * torch.eye(64).double()[None])
        >>> prior.draw(4, 0).shape
        torch.Size([4, 1, 8, 8])
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor

    def to(self, device: torch.device) -> Mixture:
        """Return the distribution on a device."""
        return Mixture(self.weights.to(device), self.means.to(device), self.covariances.to(device))

    def draw(self, count: int, component: int) -> Tensor:
        """Draw images (count, C, H, W) from one component, float32. They are not clamped.

        Raises:
            ValueError: If the covariance is not positive definite.
        """
        factor, failed = torch.linalg.cholesky_ex(self.covariances[component])
        if failed:
            raise ValueError(f"Expected a positive definite covariance, got that of component {component}.")
        mean = self.means[component]
        noise = torch.randn(count, mean.numel(), dtype=torch.float64, device=mean.device)
        return (mean + (noise @ factor.T).view(count, *mean.shape)).float()
