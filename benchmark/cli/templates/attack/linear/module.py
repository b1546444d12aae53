"""An attack for mia-bench."""

from typing import ClassVar

import torch
from mia_bench import Access, Attack, Observation
from pydantic import Field
from torch import Tensor


class MyComponent(Attack):
    """Decodes the wire by a linear map, fitted to queries of the protected client.

    Source: say where the method comes from: the paper, its section and equation.
    """

    version: ClassVar[int] = 1
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False  # whether `run` uses it when no attack is named
    penalty: float = Field(0.01, gt=0, description="ridge penalty, in units of the wires' mean inner product")

    def reconstruct(self, seen: Observation) -> Tensor:
        """Fit the map to the attacker's own images and apply it; images (N, C, H, W) in [0, 1]."""
        assert seen.query is not None
        images, mean = seen.aux.images, seen.aux.images.mean(0)
        wires = seen.query(images).tensor.flatten(1)  # (K, D)
        center = wires.mean(0)
        known, heard = wires - center, seen.wire.tensor.flatten(1) - center
        products = known @ known.T  # (K, K)
        products += self.penalty * products.diagonal().mean() * torch.eye(len(known), device=known.device)
        answer = heard @ known.T @ torch.linalg.solve(products, (images - mean).flatten(1))
        return (answer.view(-1, *seen.image_shape) + mean).clamp(0, 1)
