"""Targets learn, and keep their architecture."""

import torch
from mia_bench.benchmark.interfaces import Training
from mia_bench.benchmark.training import train_target

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
