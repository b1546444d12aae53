"""The discrete cosine transform as a matrix."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def cosines(size: int, *, like: Tensor) -> Tensor:
    """Return the orthonormal matrix (size, size) of the discrete cosine transform. Row k has the frequency k."""
    place = torch.arange(size, device=like.device, dtype=like.dtype)
    matrix = torch.cos(math.pi / size * place[:, None] * (place + 0.5)) * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix
