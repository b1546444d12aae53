"""An IR that is less correlated with the image."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ._fine_tuning import PASSES, train_jointly

TINY = 1e-12
"""Keeps the roots differentiable at zero."""


def distance_correlation(first: Tensor, second: Tensor) -> Tensor:
    """The distance correlation of paired samples (B, ...) and (B, ...), a scalar in [0, 1], differentiable.

    The distances are Euclidean, not squared: with squared ones, as in much public code, only linear dependence counts.

    Source: Székely, Rizzo, Bakirov 2007, "Measuring and testing dependence by correlation of distances".
    """
    a, b = _centered_distances(first), _centered_distances(second)
    covariance = (a * b).mean()
    spread = (a.square().mean() * b.square().mean()).clamp(min=TINY).sqrt()
    return (covariance / spread).clamp(min=TINY).sqrt()


def _centered_distances(samples: Tensor) -> Tensor:
    """The distances of all pairs (B, B), less the means of rows and columns, plus the total mean."""
    flat = samples.flatten(1)
    distances = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    return distances - distances.mean(0) - distances.mean(1, keepdim=True) + distances.mean()


class Nopeek(Defense):
    """Trains the client so that its IRs are less correlated with the images (NoPeek).

    Client and server are trained on from the given weights, to a low cross-entropy plus ``correlation_weight`` times
    the distance correlation of images and IRs in the batch. This is an average over batches; the client stays a
    deterministic map that may still be invertible, and nothing is promised. Swept over 0.5, 1, 2 and 5.

    Source: Vepakomma, Singh, Gupta, Raskar 2020, "NoPeek: Information leakage reduction to share activations".
    """

    version: ClassVar[int] = 2
    guarantee: ClassVar[str] = "none"

    correlation_weight: float = Field(1.0, ge=0, description="weight of the distance correlation")
    tuning_epochs: int = Field(1, ge=1, description=PASSES)

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Train a copy.

        Raises:
            Inapplicable: if the client has no weights.
        """
        protected = model.copy()

        def penalty(images: Tensor, ir: Tensor) -> Tensor:
            return self.correlation_weight * distance_correlation(images, ir)

        train_jointly(protected, train, penalty, epochs=self.tuning_epochs)
        return protected
