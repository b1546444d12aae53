"""The layout of a wire is found where its shape does not tell it."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.attacks._decoders.find_layout import find_layout
from mia_bench.attacks._decoders.inverse_network import InverseNetwork
from mia_bench.attacks._decoders.skip_network import SkipNetwork
from mia_bench.attacks._decoders.wire_layout import WireLayout
from mia_bench.attacks.encoder_decoder import BottleneckNetwork
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.interfaces import Channel, ImageSet, Observation, Wire
from mia_bench.benchmark.metrics import psnr
from mia_bench.benchmark.utils.ir_layout import IrLayout
from mia_bench.benchmark.utils.seeding import seeded
from torch import Tensor, nn
from torch.nn import functional


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def soft(count: int, *, side: int = 16) -> Tensor:
    """Random images with some fine detail, (N, 1, H, W)."""
    coarse = functional.interpolate(
        torch.rand(count, 1, side // 4, side // 4), (side, side), mode="bicubic", align_corners=True
    )
    return (coarse + 0.15 * torch.randn(count, 1, side, side)).clamp(0, 1)


class ChannelsLast(nn.Module):
    """Flatten maps pixel by pixel."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.movedim(1, 3).flatten(1)


@seeded("convolution")
def convolution(stride: int | tuple[int, int] = 1, channels: int = 8) -> nn.Sequential:
    """The same network whenever tests are collected."""
    layer = nn.Conv2d(channels, channels, stride, stride) if stride != 1 else nn.Identity()
    return nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), layer).requires_grad_(False)


def decibels(client: Callable[[Tensor], Tensor], *, side: int = 16, count: int = 64, form: str = "auto") -> float:
    aux, private = soft(count, side=side), soft(20, side=side)

    def query(images: Tensor) -> Wire:
        return Wire(client(images))

    aux_set = ImageSet(aux, torch.zeros(count, dtype=torch.long))
    seen = Observation(wire=query(private), aux=aux_set, classes=2, channel=Channel(), query=query)
    return psnr(Ridge(form=form).reconstruct(seen), private).mean().item()


@pytest.mark.parametrize("flatten", [nn.Flatten(), ChannelsLast()])
def test_flattened_maps_tell_a_few_images_as_much_as_maps(flatten: nn.Module) -> None:
    maps = convolution()

    assert decibels(nn.Sequential(maps, flatten)) == pytest.approx(decibels(maps), abs=0.5)


@pytest.mark.parametrize(
    ("client", "side", "least"),
    [
        (nn.Sequential(nn.Upsample(scale_factor=2), convolution()), 16, 30),
        (convolution(3, channels=18), 24, 20),
        (convolution((2, 4), channels=18), 24, 20),
        (nn.Sequential(convolution(3, channels=18), nn.Flatten()), 24, 20),
    ],
    ids=["half a pixel", "three pixels", "two pixels down and four across", "three pixels, flattened"],
)
def test_cells_of_any_stride_are_decoded_where_they_lie(client: nn.Module, side: int, least: float) -> None:
    assert decibels(client, side=side, count=24) > least


@pytest.mark.parametrize(("shape", "side"), [((3, 32, 32), 16), ((3, 12, 6), 24), ((3, 8, 8), 24)])
def test_networks_take_maps_of_any_stride(shape: tuple[int, ...], side: int) -> None:
    images, wires = torch.rand(4, 1, side, side), torch.rand(4, *shape)
    ir = IrLayout.of(shape, image=(1, side, side))
    layout = WireLayout.covering(ir, (side, side)) or WireLayout.over(ir, (side, side))
    linear = nn.Sequential(nn.Flatten(), nn.LazyLinear(side**2), nn.Unflatten(1, (1, side, side)))

    for network in (
        InverseNetwork(wires, images, 4, layout),
        SkipNetwork(linear, wires, images, 4, layout),
        BottleneckNetwork(wires, images, 4, layout),
    ):
        assert network(wires).shape == images.shape


@pytest.mark.parametrize("count", [12, 64])
@pytest.mark.parametrize("numbers", [16, 64, 256])
def test_what_a_dense_layer_sends_stays_a_vector(numbers: int, count: int) -> None:
    client = nn.Sequential(nn.Flatten(), nn.Linear(256, numbers), nn.ReLU()).requires_grad_(False)

    assert not find_layout(torch.Size([numbers]), soft(count), client).spatial


def test_nothing_is_sent_if_the_shape_tells_the_layout() -> None:
    assert find_layout(torch.Size([8, 8, 8]), soft(8), lambda _: pytest.fail("sent")).spatial
