"""The ensemble applied to a shadow client, for an attacker without weights or queries."""

from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation, Reconstruction, Wire
from ._decoders.fitting import Recipe
from ._ensemble import ensemble
from ._generic_client import substitutes
from ._inversion.rmle import comparable
from ._shadow import TRAFFIC_WIRES, ShadowRecipe, best_shadow, recorded


class AutoQueryFree(Attack):
    """Trains a shadow client as ``query_free`` does, and attacks it with the ensemble of ``auto``.

    The member is selected by how well it reconstructs the attacker's images from what the shadow sends for them. This
    attacker cannot check how far the shadow is from the client.

    Example:
        ``mia-bench run --attack auto_query_free --restarts 1``

    Source: He, Zhang, Lee, ACSAC 2019, section 6, for the shadow; ours, for the rest.
    """

    version: ClassVar[int] = 15
    access: ClassVar[Access] = Access.QUERY_FREE
    standard: ClassVar[bool] = False

    restarts: int = Field(3, ge=1, description="shadows trained at most; the one with the lowest loss is inverted")
    moments: float = Field(10.0, ge=0, description="weight of the mean and standard deviation of the recorded wires")
    epochs: int = Field(8, ge=1, description="passes over the attacker's images, at most")
    steps: int | None = Field(
        None, ge=1, description="batches, at most; none: 1000, or as many as an expensive network allows"
    )

    @property
    def traffic_count(self) -> int:
        """Return how many wires of other users the attacker has recorded, at most."""
        return TRAFFIC_WIRES

    def reconstruct(self, seen: Observation) -> Reconstruction:
        """Train the shadow, run the members through it and return the images (N, C, H, W) of the selected one."""
        wire = comparable(seen)
        recipe = ShadowRecipe(self.restarts, self.moments, self.epochs, self.steps)
        client = best_shadow(substitutes(seen, wire, "same"), seen, recorded(seen), recipe)
        client.requires_grad_(False)

        def query(images: Tensor) -> Wire:
            with torch.no_grad():
                return Wire(seen.channel(client(images)))

        return ensemble(replace(seen, wire=Wire(wire), client=client, query=query), Recipe())
