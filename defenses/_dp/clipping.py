"""Norms of the values of each image, and clipping to a norm."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

CLIPPING_BATCH_IMAGES = 256
"""Images that are encoded at once."""


def norms(values: Tensor, order: int) -> Tensor:
    """Return the L1 (``order`` 1) or L2 (``order`` 2) norm of each of the values (N, ...), (N,)."""
    return torch.linalg.vector_norm(values.flatten(1), ord=order, dim=1)


def clip_norms(values: Tensor, limit: float, order: int) -> Tensor:
    """Scale down each of the values (N, ...) whose norm is above ``limit``. Differentiable everywhere, even at zero."""
    scale = limit / norms(values, order).clamp(min=limit)  # (N,)
    return values * scale.view(-1, *[1] * (values.dim() - 1))


def median_norm(encode: Callable[[Tensor], Tensor], images: Tensor, order: int) -> float:
    """Return the median norm of encoded images (N, C, H, W)."""
    with torch.no_grad():
        return torch.cat([norms(encode(batch), order) for batch in images.split(CLIPPING_BATCH_IMAGES)]).median().item()
