"""How much of a reconstruction to believe."""

from __future__ import annotations

from torch import Tensor


def trust(rebuilt: Tensor, truth: Tensor, mean: Tensor) -> float:
    """The factor by which deviations from the mean image should be shrunk: 1 if they beat the mean image, else less.

    On a wire that tells nothing it is about 0: the attack then ends at the mean image, and not at the noise that it
    has learned by heart.

    Args:
        rebuilt: what an attack makes of the attacker's own images, (K, C, H, W), which it was not fitted to.
        truth: those images, (K, C, H, W).
        mean: the mean image, (C, H, W).
    """
    away = rebuilt - mean
    energy = away.square().sum().item()
    best = ((truth - mean) * away).sum().item() / energy if energy else 1.0  # least squares
    return 1.0 if best >= 0.5 else max(0.0, best)  # at 0.5 the error is that of the mean image


def shrink(images: Tensor, mean: Tensor, factor: float) -> Tensor:
    """Move images (N, C, H, W) towards the mean image (C, H, W)."""
    return mean + factor * (images - mean)
