"""The white-box attack of He et al.: invert the client by optimization."""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ..benchmark.interfaces import Access, Attack, Observation
from ._decoders.folds import divide_into_folds
from ._inversion.distance import Distance, balanced, squared_error
from ._inversion.rmle import invert, ir_shape, wire_as_ir
from ._inversion.tuning import SearchSetting
from ._inversion.tv_gaussian import TvGaussianPrior
from ._inversion.weight_search import Pilot, best_setting, held_out_shrinkage_factor
from ._shrinkage import shrink_to_mean


class WhiteBox(Attack):
    """Search for the image whose IR explains the wire best (rMLE), with total variation as the prior.

    It minimizes distance(client(x), wire) + tv * penalty(x) for each image, with the distance that suits the defense.
    It differs from the paper in the optimizer (L-BFGS with a history per image, preconditioned by the covariance of
    images that the wire leaves open, instead of Adam), the start (the mean of the attacker's images instead of 0.5),
    the penalty (total variation plus a Gaussian fitted to the attacker's images) and the unit of the distance (that of
    the mean image). The paper tunes ``tv`` for each split; here the attacker sends some auxiliary images through the
    client and takes the weight and the number of steps that reconstruct them best.

    Example:
        ``mia-bench run --attack white_box --tv 0.01``

    Source: He, Zhang, Lee, ACSAC 2019, section 4, algorithm 1.
    """

    version: ClassVar[int] = 18
    access: ClassVar[Access] = Access.WHITE_BOX

    iterations: int = Field(450, ge=1, description="optimization steps, at most")
    tv: float | None = Field(
        None,
        ge=0,
        description="weight of the prior, relative to a misfit of 1 at the mean image; none: chosen on aux",
    )
    adaptive: bool = Field(
        True,
        description="know the defense; false: minimize the squared error, as the paper does",
    )

    def reconstruct(self, seen: Observation) -> Tensor:
        """Invert the wire and return the images (N, C, H, W)."""
        assert seen.client is not None
        wire = wire_as_ir(seen)
        prior = TvGaussianPrior(seen.aux.images)
        ir_shape(seen.client, prior.mean, wire, channel=seen.channel if self.adaptive else None)
        published = balanced(seen.channel.distance, seen.client, seen.aux.images)
        distance = published if self.adaptive else squared_error
        setting, factor = self._choose(seen, distance)
        images = invert(seen.client, distance, wire, prior, tv=setting.weight, iterations=setting.iterations)
        return shrink_to_mean(images, prior.mean, factor)

    def _choose(self, seen: Observation, distance: Distance) -> tuple[SearchSetting, float]:
        """Return the settings that suit images of the attacker best, and how far to trust the result."""
        if self.tv is not None:
            return SearchSetting(self.tv, self.iterations), 1.0
        assert seen.client is not None
        assert seen.query is not None
        query, client, images = seen.query, seen.client, seen.aux.images

        def send(some: Tensor) -> Tensor:
            return seen.channel.read(query(some)).to(some.device) if self.adaptive else _clean(client, some)

        folds = divide_into_folds(len(images), seen.aux.sources)
        tune, judge = zip(*(Pilot.of(images, fold, send, share=len(folds)) for fold in folds), strict=True)
        setting = best_setting(client, distance, tune, iterations=self.iterations)
        half = min(setting.iterations, (self.iterations + 1) // 2)
        return setting, held_out_shrinkage_factor(client, distance, judge, tv=setting.weight, iterations=half)


@torch.no_grad()
def _clean(client: nn.Module, images: Tensor) -> Tensor:
    """Compute what an attacker who does not know the defense expects to be sent."""
    return client(images)
