"""What counts as an outlier of a random wire, and what does not."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.benchmark.utils.outliers import range_without_outliers
from torch import Tensor

COUNT, NUMBERS = 128, 200


def values() -> Tensor:
    """Return what the same images give each time: sparse numbers of very different sizes, as behind ReLU."""
    torch.manual_seed(0)
    return torch.randn(COUNT, NUMBERS).sub(1).relu() * torch.logspace(-1, 1, NUMBERS)


def impulses(wires: Tensor) -> Tensor:
    return torch.where(torch.rand_like(wires) < 1e-3, 1e4 * torch.randn_like(wires), wires)


def flipped_bits(wires: Tensor) -> Tensor:
    return torch.where(torch.rand_like(wires) < 1e-3, wires * 2.0**100, wires)


def cauchy(wires: Tensor) -> Tensor:
    return wires + 0.02 * torch.distributions.Cauchy(0.0, 1.0).sample(wires.shape)


def gaussian(wires: Tensor) -> Tensor:
    return wires + torch.randn_like(wires)


def laplacian(wires: Tensor) -> Tensor:
    return wires + torch.distributions.Laplace(0.0, 1.0).sample(wires.shape)


def dropped(wires: Tensor) -> Tensor:
    return wires * (torch.rand_like(wires) < 0.1)


@pytest.mark.parametrize("channel", [impulses, flipped_bits, cauchy])
def test_huge_random_errors_are_replaced(channel: Callable[[Tensor], Tensor]) -> None:
    clean = values()
    wires = channel(clean)

    usual = range_without_outliers(wires, channel(clean))

    assert usual is not None
    assert (usual.replace(wires) - clean).double().square().mean() < 0.1 * (wires - clean).double().square().mean()
    assert (usual.replace(clean) == clean).double().mean() > 0.98


@pytest.mark.parametrize("channel", [gaussian, laplacian, dropped])
def test_other_noise_is_left_as_it_is(channel: Callable[[Tensor], Tensor]) -> None:
    clean = values()

    assert range_without_outliers(channel(clean), channel(clean)) is None


def test_heavy_tails_of_the_images_are_left_as_they_are() -> None:
    clean = impulses(values())

    assert range_without_outliers(gaussian(clean), gaussian(clean)) is None


def test_wires_that_are_the_same_for_nearly_all_images_are_left_as_they_are() -> None:
    wires = torch.zeros(COUNT, NUMBERS)
    wires[0, 0] = 1e6

    assert range_without_outliers(wires, torch.zeros_like(wires)) is None
