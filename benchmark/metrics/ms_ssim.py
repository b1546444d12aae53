"""Multi-scale structural similarity (MS-SSIM) of large images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .image_quality import check_shapes

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The exponent of each scale, from the finest to the coarsest: Wang, Simoncelli, Bovik 2003, section 3.2."""
WINDOW, SIGMA = 11, 1.5
"""Size and standard deviation of the Gaussian window in pixels."""
C1, C2 = 0.01**2, 0.03**2
SMALLEST = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1
"""The smallest height and width in pixels. The window must fit into an image that was halved four times."""
MS_SSIM_BATCH_IMAGES = 8
"""Images that are compared at once, so that large images fit into memory."""


def ms_ssim(reconstructed: Tensor, original: Tensor) -> Tensor:
    """Compute the multi-scale structural similarity of each image, with data range 1, as the mean over its channels.

    Args:
        reconstructed: Reconstructions (N, C, H, W), H and W at least 161. Values are clamped to [0, 1].
        original: Originals (N, C, H, W).

    Returns:
        MS-SSIM in [0, 1], (N,), float32. Negative similarities of a scale count as 0.

    Raises:
        ValueError: If the shapes differ, or the images are too small.

    Source: Wang, Simoncelli, Bovik, Asilomar 2003, "Multiscale structural similarity for image quality assessment".

    Example:
        >>> ms_ssim(torch.full((1, 1, 176, 176), 0.5), torch.full((1, 1, 176, 176), 0.5))
        tensor([1.])
    """
    check_shapes(reconstructed, original)
    if min(original.shape[2:]) < SMALLEST:
        raise ValueError(f"Expected images of at least {SMALLEST} pixels a side, got {tuple(original.shape[2:])}.")
    pairs = zip(
        reconstructed.clamp(0, 1).split(MS_SSIM_BATCH_IMAGES),
        original.clamp(0, 1).split(MS_SSIM_BATCH_IMAGES),
        strict=True,
    )
    return torch.cat([_of_batch(a.double(), b.double()) for a, b in pairs]).float()


def _of_batch(a: Tensor, b: Tensor) -> Tensor:
    product = torch.ones(a.shape[:2], dtype=a.dtype, device=a.device)  # (N, C)
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            a, b = _halved(a), _halved(b)
        luminance, contrast = _similarities(a, b)
        similarity = contrast if scale < len(WEIGHTS) - 1 else (luminance * contrast).mean((2, 3))
        similarity = similarity.mean((2, 3)) if similarity.dim() == 4 else similarity
        product = product * similarity.clamp(min=0) ** weight
    return product.mean(1)


def _similarities(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return the luminance and the contrast-structure similarity at each place of the window, (N, C, h, w)."""
    mean_a, mean_b = _blurred(a), _blurred(b)
    variances = _blurred(a * a) - mean_a.square() + _blurred(b * b) - mean_b.square()
    covariance = _blurred(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a.square() + mean_b.square() + C1)
    return luminance, (2 * covariance + C2) / (variances + C2)


def _blurred(images: Tensor) -> Tensor:
    """Return the mean under a Gaussian window at each place where it lies inside the image."""
    offsets = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    window = torch.exp(-offsets.square() / (2 * SIGMA**2))
    kernel = (window / window.sum()).repeat(images.shape[1], 1, 1)  # (C, 1, window)
    rows = functional.conv2d(images, kernel[:, :, None], groups=images.shape[1])
    return functional.conv2d(rows, kernel[..., None], groups=images.shape[1])


def _halved(images: Tensor) -> Tensor:
    """Return images of half the size; odd sizes get a border of zeros, as in the reference implementation."""
    return functional.avg_pool2d(images, 2, padding=[side % 2 for side in images.shape[2:]])
