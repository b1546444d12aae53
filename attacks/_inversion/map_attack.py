"""The base of the attacks that search from a decoder's answer; they differ in the prior."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from ...benchmark.interfaces import Access, Attack, Observation
from .._decoders.fitting import DecoderRecipe
from .._decoders.folds import Fold
from .._decoders.queries import Queries
from .map import ITERATIONS, fit_map
from .map_priors import Priors
from .rmle import ir_shape, wire_as_ir
from .start import Start, prepare


class MapAttack(Attack):
    """Train the decoder of ``ridge_skip`` and search from its answer, with the prior of a subclass."""

    version: ClassVar[int] = 19
    access: ClassVar[Access] = Access.WHITE_BOX
    standard: ClassVar[bool] = False

    iterations: int = Field(ITERATIONS, ge=1, description="optimization steps, at most")
    prior_weight: float | None = Field(
        None, ge=0, description="weight of the prior, against that of the decoder's misfit; none: chosen on aux"
    )
    epochs: int = Field(DecoderRecipe.epochs, ge=1, description="passes over the queries, at most")
    steps: int = Field(DecoderRecipe.steps, ge=1, description="batches, at most")

    def divide(self, queries: Queries) -> Sequence[Fold] | None:
        """Divide the attacker's images. None, the default, means at random."""
        return None

    @abstractmethod
    def prior(self, start: Start) -> Priors:
        """Fit the prior to the attacker's images and the decoder."""

    def reconstruct(self, seen: Observation) -> Tensor:
        """Train the decoder, search from its answer, and shrink the result as far as held-out images require.

        Returns:
            Images (N, C, H, W) in [0, 1].

        Raises:
            Inapplicable: If the defense does not publish its channel, or the wire does not have the shape of an IR.
        """
        assert seen.client is not None
        mean = seen.aux.images.mean(0)
        ir_shape(seen.client, mean, wire_as_ir(seen), channel=seen.channel)
        start = prepare(seen, DecoderRecipe(epochs=self.epochs, steps=self.steps), as_read=True, divide=self.divide)
        priors = {"": self.prior}
        found = fit_map(seen, start, priors, weight=self.prior_weight, iterations=self.iterations)
        return start.queries.answer(found[1] if found else start.decoder, mean).images
