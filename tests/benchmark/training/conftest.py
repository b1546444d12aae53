"""A small target and images on which it can be trained."""

import torch
from mia_bench.benchmark.interfaces import ImageSet, Normalize, Target
from mia_bench.models.lenet5 import Lenet5


def untrained() -> Target:
    return Target(Normalize(torch.tensor([0.5]), torch.tensor([0.5])), Lenet5().build((1, 16, 16), 2))


def bright_and_dark(count: int) -> ImageSet:
    labels = torch.arange(count) % 2
    return ImageSet((0.3 * torch.rand(count, 1, 16, 16) + 0.4 * labels.view(-1, 1, 1, 1)), labels)
