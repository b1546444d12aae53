"""A Gaussian fitted to images or to errors, as a penalty."""

from __future__ import annotations

import math

import torch
from torch import Tensor

MAX_COVARIANCE_PIXELS = 2**12
"""Pixels up to which a covariance is formed; for more, its inverse takes longer than the attack."""
MAX_RANK = 512
"""Directions kept of a covariance that is not formed; the variance in all others is the floor."""


MAX_FLOOR_SAMPLES = 2048
"""Samples up to which the floor is chosen; for more, the smallest is used."""
NUM_FLOORS = 17
"""Floors to try, up to ten thousand times the smallest."""


class Gaussian:
    """Compute squared Mahalanobis lengths of deviations, per pixel.

    The variance in each direction is that of the samples plus a floor: private images may vary where they do not.
    Up to ``MAX_FLOOR_SAMPLES`` samples, the floor is the one under which each of them is most likely given the others.
    The length is exact for up to ``MAX_COVARIANCE_PIXELS`` pixels. For more, it takes the ``MAX_RANK`` directions of
    most variance of at most ``MAX_FLOOR_SAMPLES`` samples.
    """

    def __init__(self, deviations: Tensor, floor: float, *, from_own_mean: bool) -> None:
        """Measure samples.

        Args:
            deviations: The samples, (K, C, H, W), from a mean that counts as known.
            floor: The least variance, in squared units of a pixel.
            from_own_mean: Whether that is the mean of the samples, so that each is minus the sum of the others.
        """
        self.floor = floor
        self._precision: Tensor | None = None
        few_pixels = deviations[0].numel() <= MAX_COVARIANCE_PIXELS
        samples = (deviations if few_pixels else deviations[:MAX_FLOOR_SAMPLES]).flatten(1).double()  # (K, d)
        if few_pixels and len(samples) > min(MAX_FLOOR_SAMPLES, samples.shape[1]):
            covariance = samples.T @ samples / len(samples)  # (d, d)
            if len(samples) <= MAX_FLOOR_SAMPLES:
                values, vectors = torch.linalg.eigh(covariance)
                energies = (samples @ vectors).square()
                self.floor = likeliest_floor(values, energies, floor, samples.shape[1], from_own_mean=from_own_mean)
            covariance.diagonal().add_(self.floor)
            self._precision = torch.cholesky_inverse(torch.linalg.cholesky(covariance)).float()  # (d, d)
            return
        values, vectors = torch.linalg.eigh(samples @ samples.T / len(samples))  # dual: (K, K)
        values = values.clamp(min=1e-12)
        energies = vectors.square() * values * len(samples)
        self.floor = likeliest_floor(values, energies, floor, samples.shape[1], from_own_mean=from_own_mean)
        kept = len(samples) if few_pixels else MAX_RANK
        values, vectors = values[-kept:], vectors[:, -kept:]
        self._directions = (samples.T @ vectors / (values * len(samples)).sqrt()).float()  # (d, r), orthonormal
        self._excess = (1 / (values + self.floor) - 1 / self.floor).float()  # (r,)

    def penalty(self, deviations: Tensor) -> Tensor:
        """Compute how unlikely deviations (N, C, H, W) are, (N,)."""
        away = deviations.flatten(1)
        pull = self._whitened(away.detach())
        quadratic = 2 * pull * away - pull * away.detach()  # its gradient is 2 * pull, without a second product
        return quadratic.mean(1)

    def _whitened(self, away: Tensor) -> Tensor:
        if self._precision is not None:
            return away @ self._precision
        return away / self.floor + (away @ self._directions * self._excess) @ self._directions.T


def likeliest_floor(values: Tensor, energies: Tensor, floor: float, size: int, *, from_own_mean: bool) -> float:
    """Choose the variance to add to every direction, under which each sample is most likely given the others.

    Leaving one sample out changes the covariance by a matrix of rank one, so one decomposition is enough for all. If
    the samples are deviations from their own mean, that of the others is another one: by K / (K - 1), the sample is
    further from it, and the covariance of the others smaller. Otherwise each sample would seem likely without any
    floor, as minus the sum of the others.

    Source: Hoffbeck & Landgrebe 1996, "Covariance matrix estimation and classification with limited training data".

    Args:
        values: Variances of K samples in orthogonal directions, (r,); they are 0 in all others.
        energies: Squared lengths of the samples in these directions, (K, r).
        floor: The smallest to try.
        size: Numbers in a sample.
        from_own_mean: Whether the samples are deviations from their own mean.
    """
    count = len(energies)
    if count < 3:
        return max(floor, values.sum().item() / size)  # one sample only shows how large another may be
    scaled = values * (count / (count - 1))
    further = count / (count - 1) if from_own_mean else 1.0

    def surprise(each: float) -> float:
        inside = (energies / (scaled + each)).sum(1)  # (K,), x' A^-1 x
        left = (1 - further * inside / (count - 1)).clamp(min=1e-12)
        constant = (scaled + each).log().sum() + (size - len(values)) * math.log(each)
        return (constant + left.log() + further**2 * inside / left).mean().item()

    return min((floor * 10 ** (step / 4) for step in range(NUM_FLOORS)), key=surprise)
