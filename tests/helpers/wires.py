"""Small networks whose IRs are of every kind: maps, tokens, channels-last values and vectors."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from mia_bench.benchmark.interfaces import ImageSet, Normalize, Pools, SplitModel, Target
from mia_bench.models._graph import linearize
from torch import nn
from torch.nn import functional
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.vision_transformer import VisionTransformer

CLASSES = 3
BLOCK = "encoder.layers.encoder_layer_0"


@dataclass(frozen=True)
class Place:
    """A network and a split.

    Attributes:
        build: makes the network.
        split: the last layer of the client.
        size: height and width of the images.
        shape: of one IR.
    """

    build: Callable[[], nn.Module]
    split: str
    size: tuple[int, int]
    shape: tuple[int, ...]


def _transformer(size: int, patch: int) -> nn.Module:
    return VisionTransformer(size, patch, 2, 2, hidden_dim=12, mlp_dim=16, num_classes=CLASSES)


def _swin() -> nn.Module:
    return SwinTransformer([2, 2], 6, [2, 2], [2, 2], [2, 2], num_classes=CLASSES, stochastic_depth_prob=0.0)


def _convnext() -> nn.Module:
    settings = [CNBlockConfig(6, 8, 1), CNBlockConfig(8, None, 1)]
    return ConvNeXt(settings, stochastic_depth_prob=0.0, num_classes=CLASSES)


class Tokens(nn.Module):
    """Turns patches into tokens without a class token, each a vector, and classifies their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 10, 4, stride=4)
        self.mix = nn.Sequential(nn.LayerNorm(10), nn.Linear(10, 10), nn.GELU())
        self.head = nn.Linear(10, CLASSES)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.mix(self.patches(images).flatten(2).transpose(1, 2)).mean(1))


def _vectors() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 20), nn.Linear(20, CLASSES)
    )


def _deep() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=4, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, CLASSES),
    )


PLACES = {
    "maps": Place(_deep, "2", (16, 16), (8, 4, 4)),
    "maps of one cell": Place(_deep, "3", (16, 16), (8, 1, 1)),
    "vectors": Place(_vectors, "3", (16, 16), (20,)),
    "tokens": Place(Tokens, "mix.2", (16, 16), (16, 10)),
    "flat maps": Place(Tokens, "flatten", (16, 16), (10, 16)),
    "tokens of wide images": Place(Tokens, "mix.2", (12, 24), (18, 10)),
    "tokens with a class token": Place(lambda: _transformer(16, 4), BLOCK, (16, 16), (17, 12)),
    "tokens of odd patches": Place(lambda: _transformer(18, 3), BLOCK, (18, 18), (37, 12)),
    "channels last": Place(_swin, "features.1.0", (16, 16), (8, 8, 6)),
    "a convolutional network with channels last": Place(_convnext, "features.2.0.layer_norm", (16, 16), (4, 4, 6)),
}


def soft_images(count: int, size: tuple[int, int]) -> ImageSet:
    """Random color images without fine detail, with random labels."""
    images = functional.interpolate(torch.rand(count, 3, 4, 4), size, mode="bicubic", align_corners=True)
    return ImageSet(images.clamp(0, 1), torch.arange(count) % CLASSES)


@cache
def target(kind: str) -> Target:
    """An untrained network with IRs of this kind."""
    torch.manual_seed(0)
    place = PLACES[kind]
    layers = linearize(place.build().eval(), (3, *place.size))
    return Target(Normalize(torch.full((3,), 0.5), torch.full((3,), 0.3)), layers).eval().requires_grad_(False)


def victim(kind: str) -> SplitModel:
    """A new copy of the split model."""
    return target(kind).split(PLACES[kind].split).copy()


@cache
def pools(kind: str) -> Pools:
    """Few images for the victim, for the attacker and under attack."""
    torch.manual_seed(1)
    size = PLACES[kind].size
    return Pools(soft_images(48, size), soft_images(40, size), soft_images(3, size), tuple("abc"))
