"""Units in which a few huge numbers of a wire do not hide the others."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LARGEST = 100.0
"""By how much the deviation of a number may exceed that of nine in ten of the others."""


def balancing_units(centered: Tensor) -> Tensor:
    """Return factors, (K,), that reduce numbers far larger than the others, such as the identifier of a message.

    A penalty or a distance that is relative to the numbers of a wire together would see these alone.

    Args:
        centered: Numbers less their means, (N, K). Those that are the same everywhere do not count.

    Returns:
        1 for numbers whose deviation is at most ``LARGEST`` times that of nine in ten of all; for others, what reduces
        them to it. Fewer than ten numbers are left as they are.

    Example:
        >>> balancing_units(torch.tensor([[1.0, 1, 1, 1, 1, 1, 1, 1, 2, 1e6]]))
        tensor([1.0000e+00, 1.0000e+00, 1.0000e+00, 1.0000e+00, 1.0000e+00, 1.0000e+00,
                1.0000e+00, 1.0000e+00, 1.0000e+00, 2.0000e-04])
    """
    sizes = torch.linalg.vector_norm(centered, dim=0)
    varying = sizes[sizes > 0].sort().values
    if not len(varying):
        return torch.ones_like(sizes)
    limit = LARGEST * varying[math.ceil(0.9 * len(varying)) - 1]
    return (limit / sizes.clamp(min=limit)).to(centered.dtype)
