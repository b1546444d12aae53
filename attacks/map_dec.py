"""Inversion anchored to a decoder."""

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation
from ._map import reconstruct
from ._priors import like_decoded
from ._skip_decoder import Recipe


class MapDec(Attack):
    """Searches around a decoder's answer for the image that explains the wire.

    Minimizes the misfit that fits the defense plus the squared Mahalanobis distance from what the decoder of
    ``ridge_skip`` answers, whose covariance is that of the decoder's errors on the attacker's own images: the search
    moves where the decoder is often wrong. The weight is chosen on the attacker's own images; if none helps there, the
    answer is the decoder's.

    Source: ours; the anchor follows Bora et al., ICML 2017, "Compressed sensing using generative models".
    """

    access: ClassVar[Access] = Access.WHITE_BOX
    standard: ClassVar[bool] = False

    iterations: int = Field(100, ge=1, description="optimization steps")
    prior_weight: float | None = Field(
        None, ge=0, description="weight of the prior, against that of the decoder's misfit; none: chosen on aux"
    )
    epochs: int = Field(Recipe.epochs, ge=1, description="passes over the queries, at most")
    steps: int = Field(Recipe.steps, ge=1, description="batches, at most")

    def reconstruct(self, seen: Observation) -> Tensor:
        """Train the decoder and search from its answer; images (N, C, H, W)."""
        recipe = Recipe(epochs=self.epochs, steps=self.steps)
        return reconstruct(seen, like_decoded, recipe, weight=self.prior_weight, iterations=self.iterations)
