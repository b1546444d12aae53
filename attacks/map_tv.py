"""Inversion with a smoothness prior."""

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation
from ._map import reconstruct
from ._priors import smooth
from ._skip_decoder import Recipe


class MapTv(Attack):
    """Searches from a decoder's answer for the smooth image that explains the wire.

    Minimizes the misfit that fits the defense plus the squared total variation, with a batched L-BFGS in the box of
    images, from what the decoder of ``ridge_skip`` answers. The weight of the prior is chosen on the attacker's own
    images; if none helps there, the answer is the decoder's.

    Source: Mahendran & Vedaldi, CVPR 2015, "Understanding deep image representations by inverting them"; the start is
    ours.
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
        return reconstruct(seen, smooth, recipe, weight=self.prior_weight, iterations=self.iterations)
