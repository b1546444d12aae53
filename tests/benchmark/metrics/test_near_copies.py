"""Images that nearly equal others, by an R² that is computed directly."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mia_bench.benchmark.interfaces.stored_images import StoredImages
from mia_bench.benchmark.metrics.near_copies import first_near, near_any
from torch import Tensor

CENTER = torch.full((3, 1, 1), 0.5)


def r2(image: Tensor, other: Tensor, center: Tensor) -> float:
    return 1 - ((image - other).square().sum() / (image - center).square().sum()).item()


@pytest.mark.parametrize("size", [16, 48])
def test_an_image_is_a_near_copy_from_an_r2_of_098(size: int) -> None:
    torch.manual_seed(0)
    coarse = torch.rand(20, 3, 4, 4).repeat_interleave(size // 4, 2).repeat_interleave(size // 4, 3)
    center = CENTER.expand(3, size, size)
    images = coarse + torch.linspace(0.01, 0.08, 20).view(-1, 1, 1, 1) * torch.randn_like(coarse)
    expected = [r2(image, other, center) >= 0.98 for image, other in zip(images, coarse, strict=True)]

    assert near_any(images, coarse.flip(0), center).tolist() == expected
    assert 3 < sum(expected) < 17


def test_images_that_are_alike_when_reduced_are_compared_at_full_size() -> None:
    torch.manual_seed(0)
    coarse = torch.rand(1, 1, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)
    texture = (torch.arange(64).view(1, 64) + torch.arange(64).view(64, 1)) % 2 - 0.5  # its means over 2x2 pixels are 0
    center = torch.full((1, 64, 64), 0.5)

    assert not near_any(coarse + 0.3 * texture, coarse - 0.3 * texture, center).any()
    assert near_any(coarse + 0.3 * texture, coarse + 0.299 * texture, center).all()
    assert first_near(torch.cat([coarse + 0.3 * texture, coarse - 0.3 * texture]), center).tolist() == [0, 1]


def test_the_parts_of_a_large_pool_and_stored_images_give_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (30, 3, 16, 16), dtype=torch.uint8)
    np.save(tmp_path / "images.npy", pixels.numpy())
    pool, center = pixels / 255, CENTER.expand(3, 16, 16)
    images = torch.cat([pool[[29, 4]] + 0.004, torch.rand(2, 3, 16, 16), pool[[4]]])
    monkeypatch.setattr("mia_bench.benchmark.metrics.near_copies.PART_NUMBERS", 4 * center.numel())

    for each in (pool, StoredImages.open(tmp_path / "images.npy")):
        assert near_any(images, each, center).tolist() == [True, True, False, False, True]
    assert first_near(images, center).tolist() == [0, 1, 2, 3, 1]


def test_images_that_equal_the_mean_image_are_near_copies_of_none() -> None:
    center = CENTER.expand(3, 16, 16)

    assert not near_any(center[None], center[None], center).any()
