"""Priors of maximum a posteriori inversion: what images are like, beside what the wire says of them."""

from __future__ import annotations

import torch
from torch import Tensor

from ._decoder import apply
from ._gaussian import Gaussian
from ._map import Prior
from ._memory import in_one_pass
from ._start import Start

IMAGE_FLOOR = 1e-3
"""Variance that images may have in any direction."""
ERROR_FLOOR = 1e-4
"""Variance that a decoder's errors may have in any direction; 1e-3 gave 0.4 dB less on MNIST relu2."""
ERRORS = 3000
"""Images on which a decoder's errors are measured."""


def smooth(start: Start) -> Prior:
    """Images are smooth: mean squared difference of neighboring pixels, down plus across (TV2)."""
    return lambda starts: variation


def variation(images: Tensor) -> Tensor:
    """Mean squared difference of neighboring pixels (N, C, H, W), down plus across, (N,)."""
    return images.diff(dim=2).square().mean((1, 2, 3)) + images.diff(dim=3).square().mean((1, 2, 3))


def like_aux(start: Start) -> Prior:
    """Images have the mean and the covariance of the attacker's own: the squared length of whitened PCA coordinates."""
    mean = start.images.mean(0)
    gaussian = Gaussian(start.images - mean, IMAGE_FLOOR)
    return lambda starts: lambda images: gaussian.penalty(images - mean)


def like_decoded(start: Start) -> Prior:
    """Images lie around what the decoder says, as far in each direction as its errors do on the attacker's own."""
    queries = start.queries
    index = torch.arange(min(ERRORS, queries.trainable), device=queries.images.device)
    parts = index.split(in_one_pass(queries.observed[0]))
    errors = queries.images[index] - torch.cat([apply(start.decoder, queries.wires(part)) for part in parts])
    gaussian = Gaussian(errors, ERROR_FLOOR)
    return lambda starts: lambda images: gaussian.penalty(images - starts)
