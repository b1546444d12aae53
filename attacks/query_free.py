"""The query-free attack of He et al.: imitate the client, then invert the imitations."""

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Access, Attack, Observation
from ._generic_client import Likeness, substitutes
from ._inversion.rmle import NO_GRADIENTS, gives_gradients, invert, wire_as_ir
from ._inversion.tv_gaussian import TvGaussianPrior
from ._shadow import TRAFFIC_WIRES, ShadowRecipe, recorded, shadows
from ._shadow_average import several


class QueryFree(Attack):
    """Train shadow clients to work with the victim's server, then invert the wire through them (rMLE).

    A shadow minimizes the loss of the frozen server on the attacker's labelled images. With ``moments`` its
    wires must also have the mean and the standard deviation of those that the attacker has recorded of other users
    (at most 2,000), or of those under attack if there are none. An image then explains
    the wire through all shadows, of which those with a low loss count more. The moments, the optimizers (AdamW with a
    one-cycle rate, and L-BFGS) and the use of several shadows are additions to the paper.

    Example:
        ``mia-bench run --attack query_free --shadow different``

    Source: He, Zhang, Lee, ACSAC 2019, section 6, algorithm 3 and Table 5.
    """

    version: ClassVar[int] = 14
    access: ClassVar[Access] = Access.QUERY_FREE

    aux: Literal["same_set", "same_distribution", "random"] = Field(
        "same_distribution", description="the attacker's images: the victim's, others of that kind, Gaussian noise"
    )
    shadow: Likeness = Field("same", description="the client's structure, or 3x3 convolutions")
    restarts: int = Field(6, ge=1, description="shadows trained at most; the wire is inverted through all of them")
    moments: float = Field(10.0, ge=0, description="weight of the mean and standard deviation of the recorded wires")
    epochs: int = Field(8, ge=1, description="passes over the attacker's images, at most")
    steps: int | None = Field(
        None, ge=1, description="batches, at most; none: 1000, or as many as an expensive network allows"
    )
    iterations: int = Field(100, ge=1, description="optimization steps of the inversion")
    tv: float = Field(1.0, ge=0, description="weight of the prior, against a misfit of 1 for the mean image")

    @property
    def aux_source(self) -> str:
        """Return the source of the attacker's images."""
        return self.aux

    @property
    def traffic_count(self) -> int:
        """Return how many wires of other users the attacker has recorded, at most."""
        return TRAFFIC_WIRES

    def reconstruct(self, seen: Observation) -> Tensor:
        """Train the shadows, invert the wire through them and return the images (N, C, H, W).

        Raises:
            Inapplicable: If the client gives no gradients, or the wire does not have the shape of an IR.
        """
        wire = wire_as_ir(seen)
        prior = TvGaussianPrior(seen.aux.images)
        build = substitutes(seen, wire, self.shadow)
        if not gives_gradients(build, prior.mean):
            raise Inapplicable(NO_GRADIENTS)
        recipe = ShadowRecipe(self.restarts, self.moments, self.epochs, self.steps)
        client, distance = several(shadows(build, seen, recorded(seen), recipe), seen.channel.distance)
        return invert(client, distance, wire, prior, tv=self.tv, iterations=self.iterations)
