"""How far a reconstruction can be trusted."""

from __future__ import annotations

from torch import Tensor


def trust(rebuilt: Tensor, truth: Tensor, mean: Tensor) -> float:
    """Compute the factor for the deviations from the mean image: 1 if they beat the mean image, else less.

    It is about 0 for a wire without information, so that the attack returns the mean image and not memorized noise.

    Args:
        rebuilt: reconstructions of the attacker's own images, (K, C, H, W), which the attack was not fitted to.
        truth: those images, (K, C, H, W).
        mean: the mean image, (C, H, W).

    Example:
        >>> import torch
        >>> truth = torch.rand(4, 1, 8, 8)
        >>> trust(truth, truth, truth.mean(0))
        1.0
    """
    away = rebuilt - mean
    energy = away.square().sum().item()
    best = ((truth - mean) * away).sum().item() / energy if energy else 1.0  # least squares
    return 1.0 if best >= 0.5 else max(0.0, best)  # at 0.5 the error is that of the mean image


def shrink(images: Tensor, mean: Tensor, factor: float) -> Tensor:
    """Move images (N, C, H, W) towards the mean image (C, H, W).

    Example:
        >>> import torch
        >>> shrink(torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1), 0.25).item()
        0.25
    """
    return mean + factor * (images - mean)
