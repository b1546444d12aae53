"""The attack UnSplit, which needs neither weights nor queries, only the structure of the client."""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation
from ._generic_client import behind_input_channel
from ._inversion.map_priors import variation
from ._inversion.rmle import ir_shape, wire_as_ir

IMAGE_LEARNING_RATE = 0.01
CLONE_LEARNING_RATE = 0.001
"""The paper's rate for both; images take steps ten times as long here, and fewer of them."""
TV_WEIGHT = 0.1
"""Weight of the total variation, as in the official code."""


class Unsplit(Attack):
    """Search jointly for the images and the client's weights that explain the wire.

    It alternates steps on the images and steps on the weights of a clone with the client's structure. It differs from
    the paper in two ways: all recorded images share one clone, which constrains the weights more than one image does,
    and the search starts at the mean of the attacker's images. The scale of the pixels cannot be found, because a first
    layer can undo it, so each channel is finally brought to the mean and standard deviation of the attacker's images.

    Example:
        ``mia-bench run --attack unsplit --rounds 10``

    Source: Erdogan, Kupcu, Cicek, WPES 2022, "UnSplit", algorithm 1, and its official code.
    """

    version: ClassVar[int] = 2
    access: ClassVar[Access] = Access.QUERY_FREE
    standard: ClassVar[bool] = False

    rounds: int = Field(20, ge=1, description="times that images and clone are improved in turn")
    turn: int = Field(20, ge=1, description="steps in a turn")

    def reconstruct(self, seen: Observation) -> Tensor:
        """Search for images and weights and return the images (N, C, H, W)."""
        assert seen.structure is not None
        wire = wire_as_ir(seen)
        clone = behind_input_channel(seen, seen.structure()).to(wire.device).train()
        mean = seen.aux.images.mean(0)
        ir_shape(clone, mean, wire, channel=seen.channel)
        images = mean.expand(len(wire), -1, -1, -1).clone().requires_grad_(True)
        unit = wire.square().flatten(1).sum(1).mean().item() or 1.0
        on_images = torch.optim.Adam([images], IMAGE_LEARNING_RATE, amsgrad=True)
        on_clone = torch.optim.Adam(clone.parameters(), CLONE_LEARNING_RATE, amsgrad=True)

        def step(optimizer: torch.optim.Optimizer) -> None:
            optimizer.zero_grad(set_to_none=True)
            with torch.enable_grad():
                misfit = seen.channel.distance(clone(images), wire).mean() / unit
                # per image, so that the step of one does not depend on how many there are
                loss = len(wire) * (misfit + TV_WEIGHT * variation(images).mean())
                loss.backward()
            optimizer.step()
            with torch.no_grad():
                images.clamp_(0, 1)

        for _ in range(self.rounds):
            for optimizer in (on_images, on_clone):
                for _ in range(self.turn):
                    step(optimizer)
        return _calibrated(images.detach(), seen.aux.images)


def _calibrated(images: Tensor, like: Tensor) -> Tensor:
    """Bring each channel of images (N, C, H, W) to the mean and standard deviation that it has in others."""
    dims = (0, 2, 3)
    std = images.std(dims, keepdim=True, correction=0).clamp(min=1e-6)
    white = (images - images.mean(dims, keepdim=True)) / std
    return (like.mean(dims, keepdim=True) + like.std(dims, keepdim=True, correction=0) * white).clamp(0, 1)
