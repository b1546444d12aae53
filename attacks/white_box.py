"""The white-box attack of He et al.: invert the client by optimization."""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Access, Attack, Observation
from ._inversion import invert, squared_error


class WhiteBox(Attack):
    """Searches for the image whose IR explains the wire best (rMLE), with total variation as the prior.

    Minimizes, for each image, distance(client(x), wire) + tv * TV(x); the distance is the one that fits the defense.
    Differs from the paper in the optimizer (L-BFGS with a history per image instead of Adam), the start (the mean of
    the attacker's images instead of 0.5) and the unit of the distance (that of the mean image), with which one ``tv``
    serves every split; the paper tunes it for each.

    Source: He, Zhang, Lee, ACSAC 2019, section 4, algorithm 1.
    """

    access: ClassVar[Access] = Access.WHITE_BOX

    iterations: int = Field(150, ge=1, description="optimization steps")
    tv: float = Field(0.1, ge=0, description="weight of the total variation, against a misfit of 1 for the mean image")
    adaptive: bool = Field(
        True, description="use the distance that fits the defense; false: squared error, as published"
    )

    def reconstruct(self, seen: Observation) -> Tensor:
        """Invert the wire; images (N, C, H, W)."""
        assert seen.client is not None
        wire = seen.wire.tensor.to(seen.aux.images.device)
        mean = seen.aux.images.mean(0)
        with torch.no_grad():
            value = seen.client(mean[None])
        if value.shape[1:] != wire.shape[1:]:
            raise Inapplicable(f"the wire {tuple(wire.shape[1:])} has not the shape of the IR {tuple(value.shape[1:])}")
        distance = seen.channel.distance if self.adaptive else squared_error
        return invert(seen.client, distance, wire, mean, tv=self.tv, iterations=self.iterations)
