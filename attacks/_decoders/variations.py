"""More images to learn from, made from the attacker's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ...benchmark.interfaces import Training
from ...benchmark.training import augment
from ...benchmark.utils.ir_layout import IrLayout

MAX_SHIFT_PIXELS = 2
"""Pixels by which images are shifted to make more of them."""
MAX_ANGLE_DEGREES = 12.0
MAX_ZOOM = 0.1
MAX_SHEAR = 0.15
"""The largest affine changes of an image, beside a shift by up to ``MAX_SHIFT_PIXELS``."""
MAX_AFFINE_COPIES = 200
"""Copies of each image for short vectors, at most."""
MAX_MAP_COPIES = 8
"""Affine copies of each image for maps, at most, where a larger network learns from them."""


@dataclass(frozen=True)
class Variation:
    """How to make more images.

    Attributes:
        vary: Makes images (K, C, H, W) from images (K, C, H, W): each from the one in its place, and from no other.
        copies: How often that is done, at most.
        numbers: Pixels, or numbers of wires, of all images together, at most.
    """

    vary: Callable[[Tensor], Tensor]
    copies: int = 1
    numbers: int = 2**29

    def copies_of(self, count: int, numbers: int, *, most: int) -> int:
        """Return how many copies to make of ``count`` images of ``numbers``, if ``most`` may be sent in all."""
        return max(0, min(self.copies, most // count - 1, self.numbers // (count * numbers) - 1))


def random_shift(images: Tensor) -> Tensor:
    """Return the images (K, C, H, W), each shifted at random by up to ``MAX_SHIFT_PIXELS`` pixels down and across."""
    return augment(images, Training(shift=MAX_SHIFT_PIXELS))


def bent(images: Tensor) -> Tensor:
    """Return the images (K, C, H, W), each turned, zoomed, sheared and shifted a little, at random."""
    return torch.cat([_bent(part) for part in images.split(1000)])


def _bent(images: Tensor) -> Tensor:
    count, (height, width) = len(images), images.shape[2:]
    angle, zoom, shear, down, across = torch.rand(5, count, device=images.device) * 2 - 1
    angle, zoom = angle * math.radians(MAX_ANGLE_DEGREES), 1 + zoom * MAX_ZOOM
    down, across = down * 2 * MAX_SHIFT_PIXELS / height, across * 2 * MAX_SHIFT_PIXELS / width
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    matrices = torch.stack([cos, shear * MAX_SHEAR - sin, across, sin, cos, down], 1).view(count, 2, 3)
    places = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, places, padding_mode="border", align_corners=False)


def varied(ir: IrLayout) -> Variation:
    """Choose how to make more images for wires of a layout.

    A network that decodes vectors has to learn the place of everything from examples, so it gets many affine copies.
    """
    return Variation(random_shift) if ir.spatial else Variation(bent, MAX_AFFINE_COPIES, 2**26)


def varied_more(ir: IrLayout) -> Variation:
    """Choose how to make more images for decoders that are trained for longer: affine copies for maps, too.

    With 64 images of MNIST at relu2, four affine copies had 0.7 dB more than one shifted copy, and 0.02 more SSIM.
    """
    return Variation(bent, MAX_MAP_COPIES) if ir.spatial else varied(ir)
