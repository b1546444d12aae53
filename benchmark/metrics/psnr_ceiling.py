"""How good the best single answer can be when the truth is one of a few known images."""

from __future__ import annotations

import torch
from torch import Tensor

from .image_quality import PSNR_CEILING_DB

SHELLS = range(12, 49)
"""Distances between which the nearest image is looked for: 48 for up to 250 images, fewer for more, which is faster
(20 s for 1000 images) and leaves the ceiling valid, if higher."""
FIRST = (1e-5, 1e-3, 1e-2, 3e-2)
"""The innermost distances, as shares of the largest one: there the score of the nearest image falls fast."""
FLOOR = 10 ** (-PSNR_CEILING_DB / 10)
CERTAIN = 1 - 1e-12


def max_expected_psnr(chances: Tensor, images: Tensor) -> Tensor:
    """An upper bound on the expected PSNR of any answer, for several beliefs about which of K images is the true one.

    For an answer a and an image x_k, at the mean squared error m_k = |a - x_k|^2 / D, the score is
    s(m_k) = min(100, -10 log10 m_k), and what is sought is the maximum over a of sum_k p_k s(m_k). Its local maxima
    are many (each image itself is one, a center between them is another), so it is bounded from above instead:

    - Let x_j be the image nearest to a, at the root-mean-square distance r. Triangle inequalities hold every other
      image at least max(r, d_jk - r) and at most d_jk + r away, with d_jk the distance of the two images. The best a
      is in their convex hull, so no image is farther from it than from the farthest other image.
    - Over such an interval of m, the function s(m) + b m is convex where s is below 100, so that it is at most what
      it is at the ends. Hence s(m_k) <= c_k - b m_k for any b >= 0, with c_k its greater value there.
    - The weighted sum of the errors, sum_k p_k m_k, is V + |a - x|^2 / D, where x is the mean image under p and V
      the variance; and a is no nearer to x than the distance of x and x_j allows.

    The bound is the largest value over all j and over shells of r, each with the worst of its r in every term, of the
    smallest value over a few b. It is exact where one or two images matter and within 2 dB where all do.

    Args:
        chances: (V, K), each line a distribution over the images.
        images: (K, C, H, W) in [0, 1].

    Returns:
        Decibels (V,), at most 100.

    Source: derived here; the error form, where the posterior mean is optimal, is the textbook one.
    """
    ceilings = torch.full((len(chances),), PSNR_CEILING_DB, dtype=torch.float64, device=chances.device)
    open_ = (chances.max(1).values < CERTAIN).nonzero()[:, 0]  # elsewhere nothing is below the cap of 100 dB
    if not len(open_):
        return ceilings
    chances = chances[open_].double()
    flat = images.flatten(1).double()  # (K, D)
    squares = _distances(flat).square() / flat.shape[1]  # (K, K)
    weighted = chances @ squares  # (V, K)
    variance = (chances * weighted).sum(1, keepdim=True) / 2  # (V, 1)
    centers = (weighted - variance).clamp(min=0).sqrt()  # (V, K), from the mean image to each
    best = torch.zeros(len(chances), dtype=torch.float64, device=chances.device)
    for nearest in range(len(flat)):
        here = _near(nearest, squares.sqrt(), chances, variance, centers[:, nearest, None])
        best = torch.maximum(best, here)
    ceilings[open_] = best.clamp(max=PSNR_CEILING_DB)
    return ceilings


def _near(nearest: int, distances: Tensor, chances: Tensor, variance: Tensor, center: Tensor) -> Tensor:
    """The bound for answers nearest to one image, (V,)."""
    between = distances[nearest]  # (K,)
    edges = _edges(between)
    inner, outer = edges[:-1, None], edges[1:, None]  # (G, 1)
    low = torch.maximum(inner, between - outer)  # (G, K)
    high = torch.maximum(low, torch.minimum(between + outer, distances.max(1).values))
    low, high = low.square().clamp(min=FLOOR), high.square().clamp(min=FLOOR)
    chords = (_score(low) - _score(high)) / (high - low).clamp(min=FLOOR)  # (G, K)
    slopes = torch.stack([torch.zeros_like(chords[:, 0]), *chords.quantile(chords.new_tensor([0.05, 0.5]), dim=1)])
    slope = slopes[:, :, None]  # (S, G, 1)
    offsets = torch.maximum(_score(low) + slope * low, _score(high) + slope * high)  # (S, G, K)
    offsets[:, :, nearest] = _score(inner[:, 0].square().clamp(min=FLOOR))
    away = torch.maximum(center - outer.T, inner.T - center).clamp(min=0)  # (V, G), from the mean image to the shell
    error = (variance + away.square() - chances[:, nearest, None] * outer.T.square()).clamp(min=0)
    totals = [chances @ offset.T - slope * error for offset, slope in zip(offsets, slopes, strict=True)]
    return torch.stack(totals).min(0).values.max(1).values


def _edges(between: Tensor) -> Tensor:
    """Radii of the shells around an image, from 0 to its distance from the farthest, (G + 1,)."""
    farthest = between.max().clamp(min=FLOOR**0.5)
    shells = min(max(12_000 // len(between), SHELLS.start), SHELLS.stop - 1)
    shares = [0.0, *FIRST, *torch.linspace(0.05, 1, shells).tolist()]
    return farthest * between.new_tensor(shares)


def _score(error: Tensor) -> Tensor:
    return (-10 * torch.log10(error)).clamp(max=PSNR_CEILING_DB)


def _distances(flat: Tensor) -> Tensor:
    """Euclidean distances (K, K), without the cancellation of the fast formula."""
    return torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
