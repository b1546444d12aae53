"""Trainings of a few steps, for tests in which nothing has to be learned; they need a cache of their own."""

import pytest
from mia_bench.benchmark.training import loop

MAX_STEPS, MAX_IMAGES = 2, 8
"""Steps of each training, and images in each step."""


def few_steps(count: int, *, epochs: int, batch_size: int, least: int) -> loop.Plan:
    return loop.Plan(min(epochs, MAX_STEPS), min(count, batch_size, MAX_IMAGES))


def shorten_training(patch: pytest.MonkeyPatch) -> None:
    """Shorten every training of this process to two steps of eight images."""
    patch.setattr(loop, "plan", few_steps)
