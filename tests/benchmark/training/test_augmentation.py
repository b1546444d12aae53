"""Training images are moved and mirrored at random."""

import pytest
import torch
from mia_bench.benchmark.interfaces import Training
from mia_bench.benchmark.training import augment


def test_shifted_images_are_the_originals_moved_by_at_most_the_shift() -> None:
    torch.manual_seed(0)
    images = torch.zeros(200, 1, 9, 9)
    images[:, :, 4, 4] = 1

    moved = augment(images, Training(shift=2))

    places = {tuple(place) for place in moved[:, 0].nonzero()[:, 1:].tolist()}
    assert places == {(row, column) for row in range(2, 7) for column in range(2, 7)}


def test_half_of_the_images_are_mirrored() -> None:
    torch.manual_seed(0)
    images = torch.arange(4.0).expand(1000, 1, 1, 4)

    mirrored = augment(images, Training(flip=True))[:, 0, 0, 0] == 3

    assert mirrored.float().mean() == pytest.approx(0.5, abs=0.06)
