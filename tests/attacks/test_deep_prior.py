"""Inversion by an untrained network."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.attacks.deep_prior import DeepPrior, Hourglass
from mia_bench.benchmark.interfaces import Wire
from mia_bench.benchmark.metrics import psnr


@pytest.mark.slow
def test_it_explains_the_wire_better_and_better(world: Callable) -> None:
    victim = world("conv1")

    short, long = (
        psnr(victim.attacked_by(DeepPrior(iterations=count, hourglass=8)), victim.private.images).mean()
        for count in (20, 200)
    )

    assert long > short + 3


def test_the_networks_of_a_batch_are_independent() -> None:
    torch.manual_seed(0)
    generator = Hourglass(3, (1, 10, 13), 4)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))

    generator()[1].sum().backward()

    for parameter in generator.parameters():
        assert parameter.grad is not None
        first, second, third = parameter.grad.unflatten(0, (3, -1))
        assert second.abs().sum() > 0 or parameter.ndim == 1  # the normalization takes most biases away
        assert first.abs().sum() == third.abs().sum() == 0


def test_an_image_comes_out_the_same_whatever_else_is_in_the_batch(world: Callable) -> None:
    victim = world("conv1")
    together = victim.attacked_by(DeepPrior(iterations=30, hourglass=8))
    victim.wire = Wire(victim.wire.tensor[2:3])

    alone = victim.attacked_by(DeepPrior(iterations=30, hourglass=8))

    torch.testing.assert_close(alone[0], together[2], atol=5e-3, rtol=0)
