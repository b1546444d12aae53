"""Training for an IR that is less correlated with the image."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ..benchmark.training import EPOCHS_HELP, train_jointly

ROOT_FLOOR = 1e-12
"""Least argument of a square root, which keeps it differentiable at zero."""


def distance_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Compute the distance correlation of paired samples (B, ...) and (B, ...), a differentiable scalar in [0, 1].

    The distances are Euclidean, not squared. Squared distances, as in much public code, detect linear dependence only.

    Source: Székely, Rizzo, Bakirov 2007, "Measuring and testing dependence by correlation of distances".

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [2.0]])
        >>> round(distance_correlation(x, 3 * x).item(), 4)
        1.0
    """
    a, b = _centered_distances(first), _centered_distances(second)
    covariance = (a * b).mean()
    spread = (a.square().mean() * b.square().mean()).clamp(min=ROOT_FLOOR).sqrt()
    return (covariance / spread).clamp(min=ROOT_FLOOR).sqrt()


def _centered_distances(samples: Tensor) -> Tensor:
    """Return the distances of all pairs (B, B), minus the means of rows and columns, plus the total mean."""
    flat = samples.flatten(1)
    distances = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    return distances - distances.mean(0) - distances.mean(1, keepdim=True) + distances.mean()


class Nopeek(Defense):
    """Train the client so that its IRs are less correlated with the images (NoPeek).

    Training starts from the given weights of client and server. It minimizes the loss of the task plus
    ``correlation_weight`` times the distance correlation of images and IRs in the batch. This controls an average over
    batches. The client remains a deterministic map that may be invertible, so there is no guarantee. Recommended sweep
    of the weight: 0.5, 1, 2, 5.

    Example: ``mia-bench run --defense nopeek --correlation-weight 0.5,1,2,5``

    Source: Vepakomma, Singh, Gupta, Raskar 2020, "NoPeek: Information leakage reduction to share activations".
    """

    version: ClassVar[int] = 2
    guarantee: ClassVar[str] = "none"

    correlation_weight: float = Field(1.0, ge=0, description="weight of the distance correlation")
    tuning_epochs: int = Field(1, ge=1, description=EPOCHS_HELP)

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model, trained with the penalty.

        Raises:
            Inapplicable: If the client has no weights.
        """
        protected = model.copy()

        def penalty(images: Tensor, _labels: Tensor, ir: Tensor, _logits: Tensor) -> Tensor:
            return self.correlation_weight * distance_correlation(images, ir)

        train_jointly(protected, train, penalty, epochs=self.tuning_epochs)
        return protected
