"""A mixture of Gaussians over the patches of images, as a prior."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class PatchMixture:
    """Penalize images whose patches are unlikely under a mixture of Gaussians.

    The penalty is minus the mean log-density of the patches, each under its most likely component, in nats per number,
    above that of the most likely patch. Patches are half of their side apart.

    Source: Zoran & Weiss, ICCV 2011, "From learning models of natural image patches to whole image restoration"
    (EPLL). They alternate between patches and the image with ever tighter bonds; minimizing the penalty itself needs
    fewer evaluations of the client.

    Attributes:
        weights: The probability of each component, (K,).
        means: Of the patches of each component, (K, p) with p = C * side * side.
        covariances: Of these patches, (K, p, p).
        side: Height and width of a patch, in pixels.
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor
    side: int

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        """Compute how unlikely the patches of images (N, C, H, W) are, (N,)."""
        patches = self.patches(images)
        with torch.no_grad():
            scores = self.log_density(patches)
            value, component = scores.max(1)
            slope = torch.empty_like(patches)
            for index in component.unique().tolist():
                (chosen,) = (component == index).nonzero(as_tuple=True)
                whiten = self._whiten[index]
                slope[chosen] = (patches[chosen] - self.means[index]) @ whiten.T @ whiten
            value = self._constants.max() - value
        exact = value + (slope * (patches - patches.detach())).sum(1)  # its gradient is the slope
        return exact.view(len(images), -1).mean(1) / patches.shape[1]

    def patches(self, images: Tensor) -> Tensor:
        """Cut images (N, C, H, W) into patches that overlap, (N * L, p). The last ones repeat the border."""
        stride = max(1, self.side // 2)
        below, right = (_missing(length, self.side, stride) for length in images.shape[2:])
        sizes = (right // 2, right - right // 2, below // 2, below - below // 2)
        padded = functional.pad(images, sizes, mode="replicate")
        return functional.unfold(padded, self.side, stride=stride).movedim(1, 2).flatten(0, 1)

    def log_density(self, patches: Tensor) -> Tensor:
        """Compute the log-density of patches (R, p) and each component, (R, K), up to a constant."""
        columns = [
            constant - ((patches - mean) @ whiten.T).square().sum(1) / 2
            for mean, whiten, constant in zip(self.means, self._whiten, self._constants, strict=True)
        ]
        return torch.stack(columns, 1)

    @cached_property
    def _whiten(self) -> Tensor:
        """The inverse Cholesky factors of the covariances, (K, p, p)."""
        factors = torch.linalg.cholesky(self.covariances)
        eye = torch.eye(factors.shape[1], device=factors.device).expand_as(factors)
        return torch.linalg.solve_triangular(factors, eye, upper=False)

    @cached_property
    def _constants(self) -> Tensor:
        """The log-density at the mean of each component, (K,), up to a constant."""
        return self.weights.log() + self._whiten.diagonal(dim1=1, dim2=2).log().sum(1)


def _missing(length: int, side: int, stride: int) -> int:
    """Return how many pixels to add to a length so that patches cover it exactly."""
    return side - length if length <= side else (side - length) % stride
