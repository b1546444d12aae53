"""Attacks on wires of any magnitude: it is not the size of the numbers that protects an image."""

from collections.abc import Callable
from typing import cast

import pytest
import torch
from mia_bench.attacks._decoders.layers import Standardize
from mia_bench.attacks._shadow import _Imitation
from mia_bench.attacks._units import least_mean_unit, least_unit
from mia_bench.attacks.deep_prior import DeepPrior
from mia_bench.attacks.map_pca import MapPca
from mia_bench.attacks.shadow_query import ShadowQuery
from mia_bench.attacks.white_box import WhiteBox
from mia_bench.benchmark.interfaces import Attack, ImageSet, Observation, Wire
from mia_bench.benchmark.interfaces.channel import Channel
from mia_bench.benchmark.metrics import psnr
from torch import Tensor, nn

MAGNITUDES = (2.0**-20, 2.0**-40)
"""About 1e-6 and 1e-12. Powers of two scale numbers exactly."""
ATTACKS = [
    WhiteBox(iterations=30),
    WhiteBox(iterations=30, tv=0.01),
    ShadowQuery(steps=30, iterations=20),
    DeepPrior(iterations=20, hourglass=4),
    MapPca(iterations=10, steps=5),
]


def reached(attack: Attack, magnitude: float, world: Callable) -> float:
    """The mean PSNR behind a layer whose outputs are multiplied by a number."""
    victim = world("relu1")
    for weight in cast(nn.Conv2d, victim.model.client.conv1).parameters():
        weight.data *= magnitude
    victim.aux = victim.aux[:60]
    victim.wire = victim.model.send(victim.private.images)
    return psnr(victim.attacked_by(attack), victim.private.images).mean().item()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{type(attack).__name__}{attack.params}")
def test_an_attack_reconstructs_as_well_from_small_numbers(attack: Attack, world: Callable) -> None:
    usual = reached(attack, 1.0, world)

    for magnitude in MAGNITUDES:
        assert reached(attack, magnitude, world) == pytest.approx(usual, abs=0.3)


class Sent(nn.Module):
    """A shadow that sends the images, multiplied by a number."""

    def __init__(self, magnitude: float) -> None:
        super().__init__()
        self.magnitude = magnitude

    def forward(self, images: Tensor) -> Tensor:
        return self.magnitude * images


class NoAnswer(nn.Module):
    def forward(self, wires: Tensor) -> Tensor:
        return torch.zeros(len(wires), 2)


def test_the_moments_of_wires_count_as_much_if_their_numbers_are_small() -> None:
    torch.manual_seed(0)
    aux, wires = ImageSet(torch.rand(20, 1, 4, 4), torch.arange(20) % 2), torch.rand(30, 1, 4, 4).square()

    def gap(magnitude: float) -> float:
        recorded = magnitude * wires
        seen = Observation(wire=Wire(recorded), aux=aux, classes=2, channel=Channel(), server=NoAnswer())
        loss = _Imitation(seen, recorded, 10.0)
        return loss(loss.build(Sent(magnitude)), torch.arange(20)).item()

    usual = gap(1.0)

    assert usual > 1.0
    assert [gap(magnitude) for magnitude in MAGNITUDES] == pytest.approx([usual] * 2, rel=0.01)


def test_small_wires_are_standardized_and_constant_ones_stay_finite() -> None:
    wires = torch.rand(50, 6)

    small = Standardize(MAGNITUDES[1] * wires)(MAGNITUDES[1] * wires)

    torch.testing.assert_close(small, Standardize(wires)(wires))
    assert Standardize(torch.full((5, 3), 0.7))(torch.full((2, 3), 0.7)).isfinite().all()


def test_the_smallest_unit_of_large_wires_does_not_depend_on_them() -> None:
    wires = torch.full((2, 10), 3.0)

    assert least_unit(wires, 1e-9).tolist() == torch.full((2,), 1e-9).tolist()
    assert least_mean_unit(wires, 1e-12) == 1e-12
    assert least_unit(0 * wires, 1e-9).min() > 0
