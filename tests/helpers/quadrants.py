"""Images whose class can be seen."""

import torch
from mia_bench.benchmark.interfaces import ImageSet
from torch import Tensor


def bright_quadrants(labels: Tensor) -> ImageSet:
    """Noisy images (N, 1, 16, 16); the class, of labels (N,), is the quadrant that is brighter than the others."""
    images = 0.6 * torch.rand(len(labels), 1, 16, 16)
    for quadrant in range(4):
        top, left = 8 * (quadrant // 2), 8 * (quadrant % 2)
        images[labels == quadrant, :, top : top + 8, left : left + 8] += 0.25
    return ImageSet(images.clamp(0, 1), labels)
