"""How close a reconstruction is to the original, and how sure that figure is."""

from __future__ import annotations

from typing import cast

import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from .scales import PSNR_CEILING_DB


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of images, in [0, 1], whose largest logit (N, classes) is that of their label (N,)."""
    return (logits.argmax(1) == labels).double().mean().item()


def psnr(reconstructed: Tensor, original: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image, on images clamped to [0, 1] with data range 1.

    The mean of these is not the PSNR of the pooled error, which is another (lower) number.

    Args:
        reconstructed: (N, C, H, W).
        original: (N, C, H, W).

    Returns:
        Decibels (N,), at most 100.

    Raises:
        ValueError: if the shapes differ.
    """
    _check(reconstructed, original)
    error = (reconstructed.clamp(0, 1).double() - original.clamp(0, 1).double()).square().flatten(1).mean(1)
    return (-10 * torch.log10(error)).clamp(max=PSNR_CEILING_DB).float()


def ssim(reconstructed: Tensor, original: Tensor) -> Tensor:
    """Structural similarity of each image, scikit-image's with ``data_range=1`` (uniform 7x7 window).

    Args:
        reconstructed: (N, C, H, W), H and W at least 7.
        original: (N, C, H, W).

    Returns:
        Similarities in [-1, 1], (N,).

    Raises:
        ValueError: if the shapes differ.
    """
    _check(reconstructed, original)
    pairs = zip(reconstructed.clamp(0, 1).cpu().numpy(), original.clamp(0, 1).cpu().numpy(), strict=True)
    values = [structural_similarity(a, b, data_range=1.0, channel_axis=0) for a, b in pairs]
    return torch.tensor(cast(list[float], values), dtype=torch.float32)


def _check(reconstructed: Tensor, original: Tensor) -> None:
    if reconstructed.shape != original.shape or original.dim() != 4:
        raise ValueError(
            f"reconstructed is {tuple(reconstructed.shape)} and original is {tuple(original.shape)}; "
            "expected equal shapes (N, C, H, W)"
        )
