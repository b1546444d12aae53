"""An attack for mia-bench."""

from typing import ClassVar

import torch
from mia_bench import Access, Attack, Observation
from mia_bench.attacks import TvGaussianPrior, ir_shape, minimize, wire_as_ir
from pydantic import Field
from torch import Tensor


class MyComponent(Attack):
    """Searches for likely images whose clean IRs explain the wire, with the weights of the client.

    Source: say where the method comes from: the paper, its section and equation.
    """

    version: ClassVar[int] = 1
    access: ClassVar[Access] = Access.WHITE_BOX
    standard: ClassVar[bool] = False  # whether `run` uses it when no attack is named
    iterations: int = Field(100, ge=1, description="evaluations of the loss and its gradient")
    prior_weight: float = Field(0.1, ge=0, description="weight of the prior, against a misfit of 1 for the mean image")

    def reconstruct(self, seen: Observation) -> Tensor:
        """Search from the mean of the attacker's images; images (N, C, H, W) in [0, 1]."""
        assert seen.client is not None
        client, distance, wire = seen.client, seen.channel.distance, wire_as_ir(seen)
        prior = TvGaussianPrior(seen.aux.images)
        ir_shape(client, prior.mean, wire, channel=seen.channel)  # refuses wires that cannot be compared with IRs
        start = prior.mean.expand(len(wire), -1, -1, -1)
        with torch.no_grad():
            unit = distance(client(start.clone()), wire).clamp(min=1e-9)  # (N,)

        def loss(images: Tensor, index: Tensor) -> Tensor:
            misfit = distance(client(images), wire[index]) / unit[index]
            return misfit + self.prior_weight * prior.penalty(images)

        return minimize(loss, start, iterations=self.iterations, preconditioner=prior.covariance)
