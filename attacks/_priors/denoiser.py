"""A prior of images in the form of a denoiser."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Denoiser(Protocol):
    """An estimate of images from images with Gaussian noise, which says what images are like."""

    def denoise(self, images: Tensor, sigma: float) -> Tensor:
        """Remove noise of standard deviation ``sigma`` from images (N, C, H, W). Each is denoised for itself."""
        ...
