"""The closed-form attack: a linear decoder."""

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation
from ._decoders.divided import Divided
from ._decoders.linear import Form, decoders, fit_linear
from ._decoders.queries import Queries


class Ridge(Attack):
    """Decode the wire by the best linear map, in closed form, from queries.

    The map minimizes the squared error of the attacker's own images plus a penalty on its size, which makes it the
    linear minimum-mean-square-error estimator. ``dense`` maps the whole wire to the whole image. ``patch`` maps the
    cells around each position of a spatial IR to the block of pixels there, which suits large IRs. Form and strength
    are those with the highest mean PSNR on held-out images of the attacker.

    Example:
        ``mia-bench run --attack ridge --defense dp_ir --sigma 0.05,0.1,0.5``

    Source: Hoerl & Kennard 1970, "Ridge regression"; used here as the strongest attack that needs no training.
    """

    version: ClassVar[int] = 11
    access: ClassVar[Access] = Access.BLACK_BOX

    form: Form = Field("auto", description="whole wire to whole image, neighborhoods to blocks, or the better one")
    strength: float | None = Field(
        None, gt=0, description="penalty in units of the wire's mean variance; none: chosen on held-out images"
    )

    def reconstruct(self, seen: Observation) -> Tensor:
        """Fit the map and return its images (N, C, H, W)."""
        queries = Divided(Queries(seen, seen.aux.images, sources=seen.aux.sources))
        decoder = decoders(fit_linear(queries, form=self.form, strength=self.strength))
        return queries.answer(decoder, seen.aux.images.mean(0)).images
