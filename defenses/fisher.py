"""Noise calibrated to the error of an unbiased attacker, with a penalty on the Jacobian of the client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ..benchmark.training import EPOCHS_HELP, train_jointly
from ._dp.noise_channel import NoiseChannel

CALIBRATION_IMAGES = 256
"""Most training images over which the squared norm of the Jacobian is averaged."""
TINY = 1e-25
"""Least squared length of an IR and least standard deviation of the noise, so that nothing is divided by 0."""
PROBES = 16
"""Random directions of the IR for each of them."""


def squared_jacobian(client: nn.Module, images: Tensor, *, differentiable: bool = False) -> tuple[Tensor, Tensor]:
    """Estimate the squared Frobenius norm of the Jacobian of the client with one random direction for each image.

    Args:
        client: Maps images (N, C, H, W) to IRs (N, ...).
        images: Images (N, C, H, W).
        differentiable: Whether gradients of the estimate are needed.

    Returns:
        Unbiased estimates (N,), and the IRs (N, ...).

    Source: Hutchinson 1989, "A stochastic estimator of the trace".
    """
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):  # Fused attention has no second derivative.
        images = images.detach().requires_grad_()
        ir = client(images)
        if not ir.requires_grad:
            raise Inapplicable(
                "Expected a client whose IR has derivatives by the image, got one without, such as one that looks up "
                "tokens. Use a defense that needs none, such as dp_ir."
            )
        direction = torch.randn_like(ir)
        (gradient,) = torch.autograd.grad(ir, images, direction, create_graph=differentiable)
    return gradient.square().flatten(1).sum(1), ir


class Fisher(Defense):
    """Add Gaussian noise that gives an unbiased attacker a chosen PSNR on average, and train the client to need little.

    An unbiased attacker has a mean squared error per pixel of at least 1 / dFIL = sigma^2 d / |J|^2, for the Jacobian J
    of the client and d pixels (Cramér-Rao). ``sigma`` is set so that this is 10^(-``unbiased_psnr_db`` / 10) for the
    mean of |J|^2 over training images. Training continues from the given weights with this noise and
    ``jacobian_weight`` times the mean of |J|^2 / |z|^2, so that the same noise hides more. Real attackers are biased:
    with a prior they do better than the chosen PSNR, so it is a setting, not a guarantee. What is chosen is the mean
    squared error over images, in dB: single images are about 2 dB (one standard deviation) around it. Recommended
    sweep: 20, 15, 10, 5 dB.

    Example: ``mia-bench run --defense fisher --unbiased-psnr-db 20,15,10``

    Source: Maeng, Guo, Kariyappa, Suh, NeurIPS 2023, "Bounding the invertibility of privacy-preserving instance
    encoding using Fisher information". Their bottleneck, GELU and average pooling are left out: the network stays.
    """

    version: ClassVar[int] = 2
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {"unbiased_psnr_db": -1}
    guarantee: ClassVar[str] = "none"

    unbiased_psnr_db: float = Field(10.0, ge=-40, le=80, description="PSNR of an unbiased attacker on average, in dB")
    jacobian_weight: float = Field(0.03, ge=0, description="weight of the squared Jacobian, relative to the squared IR")
    tuning_epochs: int = Field(1, ge=1, description=EPOCHS_HELP)

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model with noise on its IRs, trained with the penalty.

        Raises:
            Inapplicable: If the client has no weights.
        """
        protected = model.copy()
        channel = NoiseChannel(noise="gaussian", sigma=self._sigma(protected.client, train.images), clip=None)
        protected = replace(protected, ir_channel=channel)

        def penalty(images: Tensor, _labels: Tensor, _ir: Tensor, _logits: Tensor) -> Tensor:
            squared, ir = squared_jacobian(protected.client, images, differentiable=True)
            channel.sigma = self._of(squared.detach(), images)
            return self.jacobian_weight * (squared / ir.square().flatten(1).sum(1).clamp(min=TINY)).mean()

        train_jointly(protected, train, penalty, epochs=self.tuning_epochs)
        channel.sigma = self._sigma(protected.client, train.images)
        return protected

    def _of(self, squared: Tensor, images: Tensor) -> float:
        """Return the noise for squared norms of the Jacobian (N,) at images (N, C, H, W)."""
        error = 10 ** (-self.unbiased_psnr_db / 10)
        return max((error * squared.mean().item() / images[0].numel()) ** 0.5, TINY)

    def _sigma(self, client: nn.Module, images: Tensor) -> float:
        sample = images[:CALIBRATION_IMAGES]
        return self._of(torch.cat([squared_jacobian(client, sample)[0] for _ in range(PROBES)]), sample)
