"""Estimates of how long a training takes, from timed steps."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.benchmark.interfaces import Training
from mia_bench.benchmark.training import duration, head_training_seconds, training_seconds
from torch import Tensor, nn


@pytest.fixture(autouse=True)
def pixels_as_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    def count(run: Callable[[Tensor], object], images: Tensor) -> float:
        run(images)
        return float(images[:, 0].numel())

    monkeypatch.setattr(duration, "_seconds", count)


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))


def expected(model: nn.Module, training: Training, count: int, macs: int = 1000) -> float:
    return training_seconds(model, training, image_shape=(1, 8, 8), count=count, macs=macs)


def test_a_step_of_the_training_counts_for_all_of_them() -> None:
    assert expected(network(), Training(epochs=2), 256 * 128) == pytest.approx(2 * 256 * 128 * 64)


def test_an_expensive_network_is_timed_with_few_images() -> None:
    sizes = list[int]()
    model = network()
    model.register_forward_pre_hook(lambda _, images: sizes.append(len(images[0])))

    assert expected(model, Training(epochs=2), 256 * 128, macs=10**9) == pytest.approx(2 * 256 * 128 * 64)
    assert max(sizes) == 2


def test_smaller_images_take_less_time_if_the_network_takes_them() -> None:
    fast = Training(epochs=2, fast=True)
    fixed = nn.Sequential(nn.Conv2d(1, 4, 8), nn.Flatten(), nn.Linear(4, 10))

    assert expected(network(), fast, 64000) == pytest.approx(2 * 64000 * (0.35 * 16 + 0.4 * 36 + 0.25 * 64))
    assert expected(fixed, fast, 64000) == pytest.approx(2 * 64000 * 64)
    assert expected(fixed, fast, 100 * 128 + 64) == pytest.approx(
        2 * 100 * 128 * 64
    )  # in batches of the standard recipe


def test_few_images_take_the_least_number_of_steps() -> None:
    assert expected(network(), Training(epochs=2), 40) == pytest.approx(2 * 100 * 32 * 64)


def test_a_last_layer_takes_one_pass_without_gradients() -> None:
    gradients = list[bool]()
    model = network()
    model.register_forward_pre_hook(lambda *_: gradients.append(torch.is_grad_enabled()))

    assert head_training_seconds(model, image_shape=(1, 8, 8), count=500, macs=1000) == pytest.approx(500 * 64)
    assert gradients == [False]
