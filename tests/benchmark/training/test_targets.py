"""Targets learn, and keep their architecture."""

from typing import Literal

import pytest
import torch
from mia_bench.benchmark.interfaces import Training
from mia_bench.benchmark.training import loop, train_target
from torch import Tensor, nn

from .conftest import bright_and_dark, untrained


def test_a_target_learns_and_keeps_its_architecture() -> None:
    torch.manual_seed(0)
    target, shape = untrained(), [type(part) for part in untrained().modules()]

    train_target(target, bright_and_dark(128), Training(epochs=10))

    test = bright_and_dark(40)
    assert (target(test.images).argmax(1) == test.labels).float().mean() > 0.95
    assert [type(part) for part in target.modules()] == shape
    assert not target.training


def test_a_target_learns_from_forty_images() -> None:
    torch.manual_seed(0)
    target = untrained()

    train_target(target, bright_and_dark(40), Training(epochs=1))

    test = bright_and_dark(40)
    assert (target(test.images).argmax(1) == test.labels).float().mean() > 0.9


class Squared(nn.Module):
    """A layer without a bound, behind which a training diverges at the usual learning rate."""

    def forward(self, values: Tensor) -> Tensor:
        return 10 * values.square()


class Counted(nn.Module):
    """A layer that counts how often it is used, and draws random numbers."""

    calls = 0

    def forward(self, values: Tensor) -> Tensor:
        self.calls += self.training
        return values + 0 * torch.rand_like(values)


class Undefined(nn.Module):
    """A layer with an infinite slope, behind which every training diverges in its first step."""

    def forward(self, values: Tensor) -> Tensor:
        return values + (values - values.detach()).sqrt()


def test_a_training_that_diverges_ends_soon_at_every_learning_rate() -> None:
    counted = Counted()
    target = nn.Sequential(nn.Flatten(), nn.Linear(256, 2), counted, Undefined())

    train_target(target, bright_and_dark(128), Training(epochs=3))

    assert not target[1].weight.isfinite().all()
    assert counted.calls < 50  # 200 steps for each rate


@pytest.mark.parametrize("steps", [1, 10, 10**6])
def test_what_is_trained_after_a_divergence_does_not_depend_on_when_it_was_noticed(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train() -> Tensor:
        torch.manual_seed(0)
        target = nn.Sequential(nn.Flatten(), nn.Linear(256, 64), Squared(), Counted(), nn.Linear(64, 2))
        train_target(target, bright_and_dark(128), Training(epochs=1))
        return target[1].weight

    expected = train()
    monkeypatch.setattr(loop, "CHECK_STEPS", steps)
    assert torch.equal(train(), expected)
    assert expected.isfinite().all()


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_check_for_divergence_changes_no_training_that_converges(optimizer: Literal["sgd", "adamw"]) -> None:
    def trained(stop: bool) -> tuple[Tensor, Tensor]:
        torch.manual_seed(0)
        layer, images = nn.Linear(4, 1), torch.rand(64, 4)
        loop.fit(
            layer.parameters(),
            lambda batch: layer(images[batch]).square().mean(),
            count=64,
            epochs=20,
            batch_size=16,
            learning_rate=0.1,
            optimizer=optimizer,
            stop_if_diverged=stop,
        )
        return layer.weight, torch.rand(3)

    for plain, checked in zip(trained(False), trained(True), strict=True):
        assert torch.equal(plain, checked)


def test_a_training_that_diverges_is_repeated_with_a_smaller_learning_rate(caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    target, test = nn.Sequential(nn.Flatten(), nn.Linear(256, 64), Squared(), nn.Linear(64, 2)), bright_and_dark(40)

    with caplog.at_level("INFO"):
        train_target(target, bright_and_dark(128), Training(epochs=3))

    assert caplog.messages == ["The training diverged. It is repeated with a tenth of the learning rate."]
    assert (target(test.images).argmax(1) == test.labels).float().mean() > 0.9
