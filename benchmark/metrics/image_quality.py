"""Similarity of reconstructions and originals (PSNR, SSIM), and the accuracy of classifiers."""

from __future__ import annotations

from typing import cast

import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from .scales import PSNR_CEILING_DB


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share of images, in [0, 1], whose largest logit is that of their label.

    Images with logits of NaN or plus infinity count as wrong.

    Args:
        logits: Output of the classifier, (N, classes).
        labels: True classes, (N,), int64.

    Example:
        >>> accuracy(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1]))
        0.5
    """
    right = (logits.argmax(1) == labels) & (logits < torch.inf).all(1)  # argmax takes NaN for the largest
    return right.double().mean().item()


def psnr(reconstructed: Tensor, original: Tensor) -> Tensor:
    """Compute the peak signal-to-noise ratio of each image, with images clamped to [0, 1] and data range 1.

    The mean of these values differs from the PSNR of the pooled error, which is lower.

    Args:
        reconstructed: Reconstructions (N, C, H, W).
        original: Originals (N, C, H, W).

    Returns:
        PSNR in dB, (N,), at most 100.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> psnr(torch.full((1, 1, 8, 8), 0.1), torch.zeros(1, 1, 8, 8))
        tensor([20.])
    """
    check_shapes(reconstructed, original)
    error = (reconstructed.clamp(0, 1).double() - original.clamp(0, 1).double()).square().flatten(1).mean(1)
    return (-10 * torch.log10(error)).clamp(max=PSNR_CEILING_DB).float()


def ssim(reconstructed: Tensor, original: Tensor) -> Tensor:
    """Compute the structural similarity of each image by scikit-image with ``data_range=1`` (uniform 7x7 window).

    Args:
        reconstructed: Reconstructions (N, C, H, W), H and W at least 7. Values are clamped to [0, 1].
        original: Originals (N, C, H, W).

    Returns:
        SSIM in [-1, 1], (N,).

    Raises:
        ValueError: If the shapes differ.

    Source: Wang, Bovik, Sheikh, Simoncelli, IEEE Transactions on Image Processing 13 (2004) 600.

    Example:
        >>> ssim(torch.full((1, 1, 8, 8), 0.5), torch.full((1, 1, 8, 8), 0.5))
        tensor([1.])
    """
    check_shapes(reconstructed, original)
    pairs = zip(reconstructed.clamp(0, 1).cpu().numpy(), original.clamp(0, 1).cpu().numpy(), strict=True)
    values = [structural_similarity(a, b, data_range=1.0, channel_axis=0) for a, b in pairs]
    return torch.tensor(cast(list[float], values), dtype=torch.float32)


def check_shapes(reconstructed: Tensor, original: Tensor) -> None:
    """Raise a ValueError unless reconstructions and originals have equal shapes (N, C, H, W)."""
    if reconstructed.shape != original.shape or original.dim() != 4:
        raise ValueError(
            f"Expected equal shapes (N, C, H, W), got reconstructed {tuple(reconstructed.shape)} and original "
            f"{tuple(original.shape)}."
        )
