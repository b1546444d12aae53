"""The values that pixels have."""

import torch
from mia_bench.attacks._decoders import values
from mia_bench.attacks._decoders.values import pixel_values


def test_values_are_those_of_all_images_with_all_their_channels() -> None:
    images = torch.randint(0, 3, (600, 2, 4, 4), generator=torch.Generator().manual_seed(0)) / 3

    found = pixel_values(images, 9)

    assert found is not None
    pixels = {tuple(pixel) for pixel in images.permute(0, 2, 3, 1).flatten(0, 2).tolist()}
    assert sorted(map(tuple, found.tolist())) == sorted(pixels)


def test_it_ends_at_the_images_with_too_many_values() -> None:
    images = torch.rand(2 * values.IMAGES_AT_A_TIME, 1, 2, 2)

    assert pixel_values(images, images.numel() - 1) is None
    assert pixel_values(images[:0], 0) is not None
