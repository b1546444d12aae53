"""Targets learn, and keep their architecture."""

import pytest
import torch
from mia_bench.benchmark.interfaces import Training
from mia_bench.benchmark.training import train_target
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


def test_a_training_that_diverges_is_repeated_with_a_smaller_learning_rate(caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    target, test = nn.Sequential(nn.Flatten(), nn.Linear(256, 64), Squared(), nn.Linear(64, 2)), bright_and_dark(40)

    with caplog.at_level("INFO"):
        train_target(target, bright_and_dark(128), Training(epochs=3))

    assert caplog.messages == ["The training diverged. It is repeated with a tenth of the learning rate."]
    assert (target(test.images).argmax(1) == test.labels).float().mean() > 0.9
