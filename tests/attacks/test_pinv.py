"""Exact inversion, against the pseudo-inverse of the whole matrix."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from mia_bench.attacks import pinv
from mia_bench.attacks.pinv import Pinv
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import Channel, Wire
from mia_bench.benchmark.metrics import psnr
from mia_bench.defenses.dropout import _DropoutChannel
from torch import Tensor, nn


@pytest.mark.parametrize("split", ["conv1", "relu1"])
def test_a_client_of_one_layer_is_inverted_exactly(split: str, world: Callable) -> None:
    victim = world(split)

    assert psnr(victim.attacked_by(Pinv()), victim.private.images).min() > 80


def test_without_a_preconditioner_it_gets_there_too(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinv, "MAX_PRECONDITIONED_PIXELS", 0)
    victim = world("relu1")

    assert psnr(victim.attacked_by(Pinv(iterations=2000)), victim.private.images).min() > 80


def test_dropped_numbers_are_left_out_of_the_equations(world: Callable) -> None:
    victim = world("conv1", _DropoutChannel(0.3))

    assert (victim.wire.tensor == 0).float().mean() > 0.25
    assert psnr(victim.attacked_by(Pinv()), victim.private.images).min() > 80


def test_zeros_of_the_ir_are_equations_where_nothing_is_dropped(world: Callable) -> None:
    victim = world("conv1")
    victim.model.client[0].mean.zero_()
    nn.init.zeros_(victim.model.client[1].bias)
    victim.private.images[:, :, 4:] = 0
    victim.wire = victim.model.send(victim.private.images)

    assert (victim.wire.tensor == 0).float().mean() > 0.5
    assert psnr(victim.attacked_by(Pinv()), victim.private.images).min() > 80


def test_with_fewer_equations_than_pixels_it_is_the_solution_closest_to_gray() -> None:
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Flatten(), nn.Linear(36, 20)).double()
    gray, values = torch.full((1, 1, 6, 6), 0.5, dtype=torch.float64), torch.randn(3, 20, dtype=torch.float64)
    solved = Pinv()._solve(layer, values, gray, pinv._preconditioner(layer, gray), known=values != 0)

    weight, bias = layer[1].weight, layer[1].bias
    expected = 0.5 + (torch.linalg.pinv(weight) @ (values - bias - weight.sum(1) * 0.5).T).T

    torch.testing.assert_close(solved.flatten(1), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("split", ["pool1", "conv2", "relu2"])
def test_a_client_with_more_bends_is_declined(split: str, world: Callable) -> None:
    with pytest.raises(Inapplicable, match="not affine"):
        world(split).attacked_by(Pinv())


class _Halves(Channel):
    """Sends half of each number."""

    def clean(self, value: Tensor) -> Tensor:
        return value / 2

    def forward(self, value: Tensor) -> Tensor:
        return self.clean(value)


@pytest.mark.parametrize("split", ["conv1", "relu1"])
def test_what_a_channel_makes_of_numbers_belongs_to_the_equations(split: str, world: Callable) -> None:
    victim = world(split, _Halves())

    assert psnr(victim.attacked_by(Pinv()), victim.private.images).min() > 80


def test_numbers_may_be_flattened_behind_a_relu(world: Callable) -> None:
    victim = world("relu1")
    seen = victim.seen_by(Pinv())
    flat = nn.Sequential(seen.client, nn.Flatten())
    seen = replace(seen, client=flat, wire=Wire(seen.wire.tensor.flatten(1)))

    assert psnr(Pinv().reconstruct(seen), victim.private.images).min() > 80
