"""A covariance that is diagonal in cosine waves, which few images are enough to estimate."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ...benchmark.utils.cosines import cosines
from .._decoders.folds import SMALL_IMAGE_PIXELS
from .._limits import backward_batch_size

LEAST_VARIANCE = 1e-3
"""Variance of a pixel and of a wave, at least, as a share of the mean one: private images may vary where those of the
attacker do not."""
NOISE = 10.0
"""Variance of the noise that a wire counts as having, in that which a typical wave causes. With 0.1, 1, 10, 100 and
1000, ``white_box`` with 300 steps had 21.6, 24.8, 26.6, 26.3 and 26.2 dB on MNIST relu2, and 24.6, 26.4, 27.3, 25.2 and
20.8 dB on photographs of 64x64 pixels behind stage2 of ``resnet``; without a preconditioner 21.5 and 24.0 dB."""
MAX_GRADIENTS, MIN_GRADIENTS = 64, 8
"""Images at which the gain of a client is measured, at most; fewer of more than 32x32 pixels."""


class CosineCovariance:
    """The covariance of deviations of images: that of waves, which are independent, scaled by each pixel's deviation.

    It has one number for each pixel and one for each wave (DCT-II) of uncorrelated colors, where a full covariance has
    the square of that. So twenty images are enough to estimate it, and it is quickly applied to large images.

    Source: Ahmed, Natarajan, Rao 1974, "Discrete cosine transform": cosines are nearly the principal components of
    signals whose neighbors are correlated. As a preconditioner: Olah, Mordvintsev, Schubert, Distill 2017, "Feature
    visualization", section "Preconditioning and parameterization", with the spectrum of natural images.

    Example:
        >>> covariance = CosineCovariance(torch.rand(20, 3, 8, 8) - 0.5)
        >>> covariance(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, deviations: Tensor) -> None:
        """Measure deviations (K, C, H, W) of mean 0."""
        self._deviation = _floored(deviations.square().mean(0)).sqrt()  # (C, H, W)
        relative = deviations / self._deviation
        colors = torch.einsum("nchw,ndhw->cd", relative, relative)
        self._colors = torch.linalg.eigh(colors.double()).eigenvectors.to(deviations)  # (C, C)
        self._rows, self._columns = self._matrices(deviations)
        self._energy = _floored(self._waves(relative).square().mean(0))  # (C, H, W)

    def __call__(self, grad: Tensor, index: Tensor | None = None) -> Tensor:
        """Multiply gradients or deviations (N, C, H, W) by the covariance, which is the same for every ``index``."""
        waves = self._waves(grad * self._deviation) * self._energy
        return (self._colors @ (self._rows.T @ waves @ self._columns).flatten(2)).view_as(grad) * self._deviation

    def given(self, gradients: Tensor) -> CosineCovariance:
        """Return the covariance that is left when noisy IRs are known, which is the shape of the inverse Hessian.

        Args:
            gradients: Those of random sums of the numbers of an IR, (G, C, H, W). Those that are not finite are
                ignored.
        """
        finite = gradients[gradients.isfinite().flatten(1).all(1)]
        caused = self._waves(finite * self._deviation).square().mean(0) * self._energy
        if not caused.isfinite().all():
            return self
        left = copy.copy(self)
        left._energy = self._energy / (1 + caused / (NOISE * caused.mean()).clamp(min=1e-30))
        return left

    @staticmethod
    def _matrices(images: Tensor) -> list[Tensor]:
        """Return the transforms of the rows and of the columns of images, computed in double precision."""
        return [cosines(size, like=torch.empty(0, dtype=torch.float64)).to(images) for size in images.shape[2:]]

    def _waves(self, images: Tensor) -> Tensor:
        """Return the amplitudes of waves, (N, C, H, W)."""
        colors = (self._colors.T @ images.flatten(2)).view_as(images)
        return self._rows @ colors @ self._columns.T


def random_gradients(client: nn.Module, images: Tensor) -> Tensor:
    """Differentiate random sums of the numbers of IRs, always the same, at some images (K, C, H, W), (G, C, H, W)."""
    count = max(MIN_GRADIENTS, min(MAX_GRADIENTS, MAX_GRADIENTS * SMALL_IMAGE_PIXELS // images[0, 0].numel()))
    generator, parts = torch.Generator().manual_seed(0), []
    for some in images[:count].split(backward_batch_size(client, images[0])):
        with torch.enable_grad():
            points = some.detach().clone().requires_grad_(True)
            value = client(points)
            weights = torch.randn(value.shape, generator=generator).to(value)
            parts.append(torch.autograd.grad((value * weights).sum(), points)[0])
    return torch.cat(parts)


def _floored(energy: Tensor) -> Tensor:
    """Return variances with a floor; all 1 if none varies, as of a single image, so that no direction is preferred."""
    mean = energy.mean().item()
    return energy.clamp(min=max(LEAST_VARIANCE * mean, 1e-12)) if mean else torch.ones_like(energy)
