"""A small world to attack: soft random images behind a small LeNet."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.benchmark.evaluation.observe import observe
from mia_bench.benchmark.interfaces import (
    Attack,
    Channel,
    ImageSet,
    Normalize,
    Observation,
    Pools,
    Reconstruction,
    SplitModel,
    Target,
)
from mia_bench.models.lenet5 import Lenet5
from torch import Tensor
from torch.nn import functional

PRIVATE = 6


def soft_images(count: int) -> ImageSet:
    """Random 1x16x16 images without fine detail; the class is whether the left half is the brighter one."""
    coarse = torch.rand(count, 1, 4, 4)
    images = functional.interpolate(coarse, (16, 16), mode="bicubic", align_corners=True).clamp(0, 1)
    return ImageSet(images, (images[..., :8].mean((1, 2, 3)) > images[..., 8:].mean((1, 2, 3))).long())


class World:
    """A victim with a split model, private images, and an attacker with images of the same kind."""

    def __init__(self, split: str, channel: Channel | None = None, *, before: Channel | None = None) -> None:
        torch.manual_seed(0)
        self.private = soft_images(PRIVATE)
        self.aux = soft_images(400)
        target = Target(Normalize(torch.tensor([0.5]), torch.tensor([0.3])), Lenet5().build((1, 16, 16), 2))
        model = target.eval().requires_grad_(False).split(split)
        self.model = SplitModel(
            client=model.client,
            server=model.server,
            input_channel=before or Channel(),
            ir_channel=channel or Channel(),
        )
        self.wire = self.model.send(self.private.images)

    def seen_by(self, attack: Attack) -> Observation:
        """What the attack's access grants, by the rules of the harness."""
        pools = Pools(self.aux, self.aux, self.private, ("left", "right"))
        images = self.private.images
        return observe(attack, self.model, self.wire, pools=pools, originals=images, identity="world")

    def attacked_by(self, attack: Attack, *, seed: int = 0) -> Tensor:
        """The reconstructions, (N, C, H, W)."""
        torch.manual_seed(seed)
        rebuilt = attack.reconstruct(self.seen_by(attack))
        return rebuilt.images if isinstance(rebuilt, Reconstruction) else rebuilt


@pytest.fixture(scope="session")
def world() -> Callable[..., World]:
    return World
