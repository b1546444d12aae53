"""The embedded dataset."""

import socket

import numpy as np
import pytest
import torch
from mia_bench.benchmark.datasets import photos
from mia_bench.benchmark.datasets._tiles import cut, fit_to_tiles
from mia_bench.benchmark.datasets.photos import PHOTOGRAPHS, Photos
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.utils.fingerprints import assert_disjoint, fingerprint
from PIL import Image


@pytest.fixture(scope="module")
def pools():
    return Photos().load(None)


def test_the_pools_are_large_enough_to_learn_from_and_to_attack(pools):
    assert len(pools.train) >= 2500
    assert len(pools.aux) >= 1500
    assert len(pools.private) >= 400
    assert pools.image_shape == (3, 32, 32)
    assert pools.classes == tuple(PHOTOGRAPHS)


@pytest.mark.parametrize("name", ["train", "aux", "private"])
def test_every_photograph_has_the_same_number_of_patches_in_turn(pools, name):
    labels = getattr(pools, name).labels
    assert torch.equal(labels, torch.arange(len(labels)) % len(PHOTOGRAPHS))


def test_images_are_floats_that_use_the_range_from_zero_to_one(pools):
    images = pools.train.images
    assert images.dtype == torch.float32
    assert images.min() == 0
    assert 0.99 < images.max() <= 1


def test_no_patch_is_featureless(pools):
    for pool in (pools.train, pools.aux, pools.private):
        assert pool.images.std(dim=(2, 3)).mean(dim=1).min() >= 0.019


@pytest.mark.slow
@pytest.mark.parametrize("size", [16, 32, 96])
def test_no_image_is_in_two_pools(size):
    pools = Photos(size=size).load(None)
    assert pools.image_shape == (3, size, size)
    assert_disjoint(pools)
    assert min(len(pools.train), len(pools.aux), len(pools.private)) >= 100


def test_it_is_the_same_every_time_whatever_the_random_state(pools):
    torch.manual_seed(123)
    assert fingerprint(Photos().load(None)) == fingerprint(pools)


def test_it_opens_no_network_connection(monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("a network connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert len(Photos().load(None).train) > 0


def test_no_pixel_of_the_photograph_is_in_patches_of_two_pools():
    place = np.arange(240 * 360, dtype=np.uint32).reshape(240, 360)
    numbered = np.stack([place & 255, place >> 8 & 255, place >> 16], axis=2).astype(np.uint8)
    found = cut(numbered, size=32, tile=48, stride=4)
    pixels = {}
    for pool, (patches, _) in found.items():
        red, green, blue = patches.astype(np.int64).transpose(1, 0, 2, 3)
        pixels[pool] = set((red + (green << 8) + (blue << 16)).flatten().tolist())
    assert all(pixels.values())
    assert not pixels["train"] & pixels["aux"]
    assert not pixels["train"] & pixels["private"]
    assert not pixels["aux"] & pixels["private"]


def test_the_first_patches_of_a_pool_come_from_different_tiles():
    noise = np.random.default_rng(0).integers(0, 256, (240, 480, 3), dtype=np.uint8)
    tile_number = np.arange(5)[:, None] * 10 + np.arange(10)  # (5, 10) tiles of 48 pixels
    noise[:, :, 0] = np.kron(tile_number, np.ones((48, 48), np.uint8))
    private = cut(noise, size=32, tile=48, stride=4)["private"].pixels
    tiles = len(np.unique(private[:, 0, 0, 0]))
    assert tiles > 5
    assert len(np.unique(private[:tiles, 0, 0, 0])) == tiles


def test_patches_that_share_a_pixel_are_of_one_source(pools):
    """Otherwise one is held out while its neighbor, which shows up to 88 % of it, is fitted to."""
    place = np.arange(240 * 480, dtype=np.uint32).reshape(240, 480)
    numbered = np.stack([place & 255, place >> 8 & 255, place >> 16], axis=2).astype(np.uint8)
    pixels, tiles = cut(numbered, size=32, tile=48, stride=4)["aux"]
    red, green, blue = pixels.astype(np.int64).transpose(1, 0, 2, 3)
    shown = [{*((red + (green << 8) + (blue << 16))[tiles == tile]).flatten().tolist()} for tile in np.unique(tiles)]

    assert sum(map(len, shown)) == len(set.union(*shown))
    for pool in (pools.train, pools.aux):
        assert len(pool.sources.unique()) >= 100
        assert all(len(pool.labels[pool.sources == source].unique()) == 1 for source in pool.sources.unique())


def test_fewer_patches_are_the_first_of_all():
    noise = np.random.default_rng(0).integers(0, 256, (240, 480, 3), dtype=np.uint8)
    whole = cut(noise, size=32, tile=48, stride=4)
    some = cut(noise, size=32, tile=48, stride=4, most={"train": 7, "aux": 10**6})
    assert len(some["train"].pixels) == 7
    assert np.array_equal(some["train"].pixels, whole["train"].pixels[:7])
    assert np.array_equal(some["aux"].pixels, whole["aux"].pixels)
    assert np.array_equal(some["private"].pixels, whole["private"].pixels)


@pytest.mark.parametrize(("width", "height"), [(100, 80), (500, 400), (3000, 2000)])
def test_photographs_are_brought_to_a_usable_number_of_tiles(width, height):
    fitted = fit_to_tiles(Image.new("RGB", (width, height)), 48)
    assert 23 <= fitted.shape[0] * fitted.shape[1] / 48**2 <= 97
    assert fitted.shape[1] / fitted.shape[0] == pytest.approx(width / height, rel=0.02)


def test_a_missing_photograph_says_to_reinstall(monkeypatch):
    monkeypatch.setattr(photos, "PHOTOGRAPHS", {"gone": "gone.png"})
    with pytest.raises(UsageError, match=r"gone\.png.*Reinstall scikit-image"):
        Photos().load(None)
