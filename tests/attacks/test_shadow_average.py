"""Several shadow clients as one."""

from typing import cast

import pytest
import torch
from mia_bench.attacks._inversion.distance import Distance
from mia_bench.attacks._shadow import Shadow
from mia_bench.attacks._shadow_average import several
from torch import Tensor, nn


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, images: Tensor) -> Tensor:
        return self.factor * images


def squared(values: Tensor, wires: Tensor) -> Tensor:
    return (values - wires).square().flatten(1).mean(1)


def test_shadows_with_a_low_loss_count_more() -> None:
    images, wires = torch.rand(3, 1, 2, 2), torch.rand(3, 1, 2, 2)

    client, distance = several([Shadow(0.5, Times(1.0)), Shadow(1.0, Times(2.0))], squared)

    sent = client(images)
    assert sent.shape == (3, 2, 1, 2, 2)
    expected = (16 * squared(images, wires) + squared(2 * images, wires)) / 17
    torch.testing.assert_close(distance(sent, wires), expected)


@pytest.mark.parametrize("losses", [(0.0, 1.0), (0.0, 0.0), (1e-30, 1e30)])
def test_any_losses_give_weights(losses: tuple[float, float]) -> None:
    client, distance = several([Shadow(loss, Times(1.0)) for loss in losses], squared)

    images = torch.ones(2, 1, 1, 1)
    assert distance(client(images), 0 * images).tolist() == pytest.approx([1.0, 1.0])


def test_a_single_shadow_stays_as_it_is() -> None:
    only = Times(1.0)

    client, distance = several([Shadow(0.0, only)], cast(Distance, squared))

    assert client is only
    assert distance is squared
