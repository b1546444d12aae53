"""The other black-box attack of He et al.: imitate the client from queries, then invert the imitation."""

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation
from ._decoders.folds import num_to_invert
from ._decoders.queries import Queries
from ._generic_client import generic_client
from ._inversion.rmle import invert, wire_as_ir
from ._inversion.tuning import NUM_PILOTS
from ._inversion.tv_gaussian import TvGaussianPrior
from ._inversion.weight_search import Pilot, best_setting, held_out_shrinkage_factor
from ._shadow import imitate
from ._shrinkage import shrink_to_mean


class ShadowQuery(Attack):
    """Train a shadow client on the answers of the victim's client to queries, then invert it (rMLE).

    The shadow is made of 3x3 convolutions, since the structure of the client is not known. It minimizes the squared
    difference from the recorded answers. The weight of the prior and the number of steps are chosen on images that
    the shadow was not fitted to. The paper calls this technique model reconstruction and finds it no better than the
    inverse network.

    Example:
        ``mia-bench run --attack shadow_query --iterations 100``

    Source: He, Zhang, Lee, ACSAC 2019, Table 8; the structures are those of Table 5.
    """

    version: ClassVar[int] = 13
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False

    aux: Literal["same_set", "same_distribution", "random"] = Field(
        "same_distribution", description="the attacker's images: the victim's, others of that kind, Gaussian noise"
    )
    epochs: int = Field(8, ge=1, description="passes over the attacker's images, at most")
    steps: int = Field(1500, ge=1, description="batches, at most")
    iterations: int = Field(150, ge=1, description="optimization steps of the inversion")

    @property
    def aux_source(self) -> str:
        """Return the source of the attacker's images."""
        return self.aux

    def reconstruct(self, seen: Observation) -> Tensor:
        """Train the shadow, invert the wire through it and return the images (N, C, H, W)."""
        wire = wire_as_ir(seen)
        queries = Queries(seen, seen.aux.images, sources=seen.aux.sources, as_read=True).split()
        shadow = imitate(
            generic_client(seen.image_shape, tuple(wire.shape[1:])), queries, epochs=self.epochs, steps=self.steps
        )
        prior = TvGaussianPrior(seen.aux.images)
        count, own = num_to_invert(NUM_PILOTS, queries.images[0]), TvGaussianPrior(queries.images[: queries.own])
        tune, judge = (
            Pilot(own, queries.wires(index), queries.images[index])
            for index in (queries.tune[:count], queries.judge[:count])
        )
        distance = seen.channel.distance
        setting = best_setting(shadow, distance, [tune], iterations=self.iterations)
        half = min(setting.iterations, (self.iterations + 1) // 2)
        factor = held_out_shrinkage_factor(shadow, distance, [judge], tv=setting.weight, iterations=half)
        images = invert(shadow, distance, wire, prior, tv=setting.weight, iterations=setting.iterations)
        return shrink_to_mean(images, prior.mean, factor)
