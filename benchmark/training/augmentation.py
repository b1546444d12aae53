"""Random changes of training images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..interfaces import Training


def augment(images: Tensor, training: Training) -> Tensor:
    """Return a batch of images (B, C, H, W), mirrored and moved at random. Pixels from outside the image are 0."""
    if training.flip:
        mirrored = torch.rand(len(images), device=images.device) < 0.5
        images = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)
    if training.shift:
        reach = training.shift
        height, width = images.shape[2:]
        padded = functional.pad(images, (reach,) * 4)
        down, right = torch.randint(0, 2 * reach + 1, (2, len(images), 1), device=images.device)
        rows = (down + torch.arange(height, device=images.device))[:, None, :, None]  # (B, 1, H, 1)
        columns = (right + torch.arange(width, device=images.device))[:, None, None, :]  # (B, 1, 1, W)
        sample = torch.arange(len(images), device=images.device).view(-1, 1, 1, 1)
        channel = torch.arange(images.shape[1], device=images.device).view(1, -1, 1, 1)
        images = padded[sample, channel, rows, columns]
    return images
