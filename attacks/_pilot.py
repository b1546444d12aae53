"""Tries an inversion on a few of the attacker's own images before it is let loose on the private wires."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._inversion import Distance, invert
from ._prior import Prior
from ._trust import trust

TRIED = (0.001, 0.01, 0.1, 0.3, 1.0, 3.0)
"""Weights from which the prior's is chosen; on MNIST conv1 wants the first, relu2 the third, noisy relu2 the fifth."""
PILOT = 8
"""The attacker's own images on which it is chosen."""


def choose_weight(
    client: nn.Module, distance: Distance, wire: Tensor, truth: Tensor, prior: Prior, *, iterations: int
) -> tuple[float, float]:
    """The weight with the highest mean PSNR on images of the attacker's own, and how far to trust the result.

    Args:
        client: maps images to clean IRs.
        distance: misfit of clean IRs (N, ...) with wires (N, ...), (N,).
        wire: what was sent for those images, (K, ...).
        truth: the images, (K, C, H, W).
        prior: the penalty that is weighed, and the mean image.
        iterations: evaluations of the loss and its gradient.
    """
    repeated = wire.repeat(len(TRIED), *[1] * (wire.ndim - 1))  # (weights * K, ...)
    each = torch.tensor(TRIED, device=truth.device).repeat_interleave(len(truth))
    images = invert(client, distance, repeated, prior, tv=each, iterations=iterations)
    errors = (images - truth.repeat(len(TRIED), 1, 1, 1)).square().flatten(1).mean(1)
    best = int(errors.clamp(min=1e-10).log().view(len(TRIED), -1).mean(1).argmin())
    return TRIED[best], trust(images.view(len(TRIED), *truth.shape)[best], truth, prior.mean)
