"""An upper bound on the expected PSNR of any reconstruction if the truth is one of a few known images.

The derivation is in docs/explanation/bounds.md.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .image_quality import PSNR_CEILING_DB

MIN_SHELLS, MAX_SHELLS = 12, 48
"""Least and most shells around an image. 48 are used for up to 250 images and fewer for more, which is faster (20 s for
1,000 images); the bound stays valid but is higher."""
INNER_RADII = (1e-5, 1e-3, 1e-2, 3e-2)
"""Radii of the innermost shells, relative to the largest one, where the PSNR of the nearest image falls fast."""
MIN_MSE = 10 ** (-PSNR_CEILING_DB / 10)
"""The mean squared error at which the PSNR reaches its ceiling of 100 dB."""
CERTAIN_CHANCE = 1 - 1e-12
"""Probability of one image from which the bound is the ceiling of 100 dB."""


def max_expected_psnr(chances: Tensor, images: Tensor) -> Tensor:
    """Bound the expected PSNR of any reconstruction from above, for several distributions over K images.

    The bound is exact if one or two images matter, and within 2 dB if all do.

    Args:
        chances: Distributions over the images, (V, K). Each row sums to 1.
        images: Possible images (K, C, H, W) in [0, 1].

    Returns:
        Upper bounds in dB, (V,), at most 100.

    Source: derived in docs/explanation/bounds.md.

    Example:
        >>> images = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
        >>> max_expected_psnr(torch.tensor([[1.0, 0.0]]), images)
        tensor([100.], dtype=torch.float64)
    """
    ceilings = torch.full((len(chances),), PSNR_CEILING_DB, dtype=torch.float64, device=chances.device)
    undecided = (chances.max(1).values < CERTAIN_CHANCE).nonzero()[:, 0]  # All others have the ceiling of 100 dB.
    if not len(undecided):
        return ceilings
    chances = chances[undecided].double()
    flat = images.flatten(1).double()  # (K, D)
    squares = _distances(flat).square() / flat.shape[1]  # (K, K)
    weighted = chances @ squares  # (V, K)
    variance = (chances * weighted).sum(1, keepdim=True) / 2  # (V, 1)
    centers = (weighted - variance).clamp(min=0).sqrt()  # (V, K), from the mean image to each image
    best = torch.zeros(len(chances), dtype=torch.float64, device=chances.device)
    for nearest in range(len(flat)):
        bound_for_nearest = _bound_near_image(nearest, squares.sqrt(), chances, variance, centers[:, nearest, None])
        best = torch.maximum(best, bound_for_nearest)
    ceilings[undecided] = best.clamp(max=PSNR_CEILING_DB)
    return ceilings


def _bound_near_image(nearest: int, distances: Tensor, chances: Tensor, variance: Tensor, center: Tensor) -> Tensor:
    """Bound the expected PSNR of reconstructions whose nearest image is given.

    Args:
        nearest: Index of that image.
        distances: Root-mean-square distances of all images, (K, K).
        chances: Distributions over the images, (V, K).
        variance: Mean squared distance to the mean image under each distribution, (V, 1).
        center: Distance from the mean image to the nearest image, (V, 1).

    Returns:
        Upper bounds in dB, (V,).
    """
    between = distances[nearest]  # (K,)
    shell_radii = _shell_radii(between)
    inner, outer = shell_radii[:-1, None], shell_radii[1:, None]  # (G, 1)
    low = torch.maximum(inner, between - outer)  # (G, K)
    high = torch.maximum(low, torch.minimum(between + outer, distances.max(1).values))
    low, high = low.square().clamp(min=MIN_MSE), high.square().clamp(min=MIN_MSE)
    chords = (_psnr(low) - _psnr(high)) / (high - low).clamp(min=MIN_MSE)  # (G, K)
    slopes = torch.stack([torch.zeros_like(chords[:, 0]), *chords.quantile(chords.new_tensor([0.05, 0.5]), dim=1)])
    slope = slopes[:, :, None]  # (S, G, 1)
    offsets = torch.maximum(_psnr(low) + slope * low, _psnr(high) + slope * high)  # (S, G, K)
    offsets[:, :, nearest] = _psnr(inner[:, 0].square().clamp(min=MIN_MSE))
    distance_to_shell = torch.maximum(center - outer.T, inner.T - center).clamp(min=0)  # (V, G), from the mean image
    error = (variance + distance_to_shell.square() - chances[:, nearest, None] * outer.T.square()).clamp(min=0)
    totals = [chances @ offset.T - slope * error for offset, slope in zip(offsets, slopes, strict=True)]
    return torch.stack(totals).min(0).values.max(1).values


def _shell_radii(between: Tensor) -> Tensor:
    """Return the radii of the shells around an image, from 0 to its distance from the farthest image, (G + 1,)."""
    farthest = between.max().clamp(min=MIN_MSE**0.5)
    shells = min(max(12_000 // len(between), MIN_SHELLS), MAX_SHELLS)
    shares = [0.0, *INNER_RADII, *torch.linspace(0.05, 1, shells).tolist()]
    return farthest * between.new_tensor(shares)


def _psnr(mse: Tensor) -> Tensor:
    return (-10 * torch.log10(mse)).clamp(max=PSNR_CEILING_DB)


def _distances(flat: Tensor) -> Tensor:
    """Return the Euclidean distances (K, K) of rows (K, D), without the cancellation of the fast formula."""
    return torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
