"""Decoders and a search that learn from shadow clients, for an attacker without weights or queries."""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation, Reconstruction
from ._generic_client import substitutes
from ._inversion.rmle import gives_gradients, invert, wire_as_ir
from ._inversion.tv_gaussian import TvGaussianPrior
from ._shadow import TRAFFIC_WIRES, ShadowRecipe, recorded, shadows
from ._shadow_average import several, weights
from ._substitute_decoding import decode_through, disagreement, sent_by_any

ITERATIONS = 100
"""Optimization steps of the search, the default of ``query_free``."""
SMOOTHNESS = 1.0
"""Weight of the prior of the search, the default of ``query_free``."""
DRAWN = 2
"""A shadow with twice the lowest loss is drawn one time in two to this power. On photographs at relu1 of LeNet-5,
powers of 0, 2, 4 and 8 gave 18.5, 18.6, 18.5 and 15.8 dB with seed 0, and 16.8, 17.4, 16.5 and 14.5 dB with seed 1."""


class AutoQueryFree(Attack):
    """Train shadow clients as ``query_free`` does, and return the mean of three reconstructions.

    Two are those of the decoders of ``ridge`` and ``ridge_skip``, and the third is that of ``query_free``. To train the
    decoders, each of the attacker's images is sent through a shadow that is drawn at random, those with a low loss more
    often, with noise as large as the shadows differ in each number, so that the decoders do not trust what these
    disagree on. Their answers are moved towards the mean image if they vary more than images do. This attacker cannot
    check which of the three is the best: each was up to 4 dB better than another. The mean is close to the best of
    them, since their errors differ.

    Example:
        ``mia-bench run --attack auto_query_free --restarts 3``

    Source: He, Zhang, Lee, ACSAC 2019, section 6, for the shadows; ours, for the rest.
    """

    version: ClassVar[int] = 26
    access: ClassVar[Access] = Access.QUERY_FREE
    standard: ClassVar[bool] = False

    restarts: int = Field(6, ge=1, description="shadows trained at most")
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
        """Train the shadows and return the mean of the reconstructions, (N, C, H, W), and each of them."""
        wire, traffic = wire_as_ir(seen), recorded(seen)
        recipe = ShadowRecipe(self.restarts, self.moments, self.epochs, self.steps)
        build = substitutes(seen, wire, "same")
        made = shadows(build, seen, traffic, recipe)
        clients, odds = [shadow.client for shadow in made], weights(made, power=DRAWN)
        unknown = disagreement(seen.aux.images, clients)

        def send(images: Tensor) -> Tensor:
            sent = sent_by_any(images, clients, odds)
            return sent + unknown * torch.randn_like(sent)

        client, distance = several(made, seen.channel.distance)
        prior = TvGaussianPrior(seen.aux.images)
        members: dict[str, Tensor] = {**decode_through(send, seen, traffic).members}
        if gives_gradients(build, prior.mean):
            members["query_free"] = invert(client, distance, wire, prior, tv=SMOOTHNESS, iterations=ITERATIONS)
        mean = torch.stack([*members.values()]).mean(0)
        return Reconstruction(mean, "mean", {**members, "mean": mean})
