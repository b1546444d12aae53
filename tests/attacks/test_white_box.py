"""The white-box attack: exact where it can be, one image at a time, and aware of the defense."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.attacks._inversion.distance import squared_error
from mia_bench.attacks._inversion.rmle import invert, ir_shape
from mia_bench.attacks._inversion.tv_gaussian import TvGaussianPrior
from mia_bench.attacks.white_box import WhiteBox
from mia_bench.benchmark import registry
from mia_bench.benchmark.checks.lab import Dropped
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import Channel, Wire
from mia_bench.benchmark.metrics import psnr
from torch import Tensor, nn


def test_a_linear_client_is_inverted_almost_exactly(world: Callable) -> None:
    victim = world("conv1")

    images = victim.attacked_by(WhiteBox(tv=0.0, iterations=300))

    assert psnr(images, victim.private.images).min() > 35


@pytest.mark.parametrize("split", ["conv1", "relu2"])
def test_an_image_comes_out_the_same_whatever_else_is_in_the_batch(split: str, world: Callable) -> None:
    victim = world(split)
    together = victim.attacked_by(WhiteBox(iterations=40))
    whole = victim.wire.tensor

    for index in (0, 4):
        victim.wire = Wire(whole[index : index + 1])
        alone = victim.attacked_by(WhiteBox(iterations=40))
        assert psnr(alone, together[index : index + 1]).item() > 50  # rounding differs, and 40 steps amplify it


def test_the_default_search_reaches_the_precision_of_pixels_behind_a_strided_client() -> None:
    torch.manual_seed(2)
    coarse = torch.rand(50, 1, 4, 4), torch.rand(4, 1, 4, 4)
    aux, private = (nn.functional.interpolate(images, size=16, mode="bilinear") for images in coarse)
    first, second, third = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, 2, 1), nn.Conv2d(16, 32, 3, padding=1)
    client = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third, nn.ReLU())
    prior, wire = TvGaussianPrior(aux), client(private).detach()

    images = invert(client, squared_error, wire, prior, tv=0.003, iterations=WhiteBox().iterations)

    assert psnr(images, private).mean() > 48  # 8 bits are 59 dB


def test_knowing_the_defense_helps(world: Callable) -> None:
    victim = world("conv1", Dropped())

    adaptive, naive = (
        psnr(victim.attacked_by(WhiteBox(adaptive=knows)), victim.private.images).mean() for knows in (True, False)
    )

    assert adaptive > naive + 5


def test_more_total_variation_penalty_gives_smoother_images(world: Callable) -> None:
    victim = world("relu2")

    rough, smooth = (victim.attacked_by(WhiteBox(tv=tv)).diff(dim=3).abs().mean() for tv in (0.0, 3.0))

    assert smooth < rough


def test_a_wire_that_is_no_ir_is_declined_with_both_shapes(world: Callable) -> None:
    victim = world("conv1")
    victim.wire = Wire(torch.zeros(3, 7))

    with pytest.raises(Inapplicable, match=r"\(8, 12, 12\).*\(7,\)"):
        victim.attacked_by(WhiteBox())


def test_a_client_without_gradients_is_left_to_the_learners() -> None:
    class Detached(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.detach().flatten(1)

    with pytest.raises(Inapplicable, match=r"gives gradients, .*\. Use an attack that learns"):
        ir_shape(Detached(), torch.zeros(1, 8, 8), torch.zeros(5, 64))


class Secret(Channel):
    published = False


@pytest.mark.parametrize("name", ["white_box", "query_free"])
def test_a_defense_that_publishes_nothing_is_left_to_the_learners(name: str, world: Callable) -> None:
    with pytest.raises(Inapplicable, match=r"publishes nothing\. Use an attack that learns"):
        world("conv1", Secret()).attacked_by(registry.load(registry.find("attacks", name))())
