"""The values that pixels of the attacker's images have."""

from __future__ import annotations

import torch
from torch import Tensor

IMAGES_AT_A_TIME = 256
"""Images whose values are collected at a time."""


def pixel_values(images: Tensor, most: int) -> Tensor | None:
    """Return the different values that pixels of images have, (V, C), or None if these are more than ``most``.

    Args:
        images: (N, C, H, W).
        most: The limit.

    Example:
        >>> pixel_values(torch.tensor([[[[0.0, 1.0], [0.5, 1.0]]]]), most=3).flatten().tolist()
        [0.0, 0.5, 1.0]
    """
    known = images.new_empty(0, images.shape[1])
    for some in images.split(IMAGES_AT_A_TIME):
        known = torch.cat([known, some.permute(0, 2, 3, 1).flatten(0, 2)]).unique(dim=0)
        if len(known) > most:
            return None
    return known
