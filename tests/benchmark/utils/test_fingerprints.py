"""The disjointness check and the fingerprint of pools."""

from dataclasses import replace

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces import ImageSet, Pools
from mia_bench.benchmark.utils.fingerprints import (
    assert_disjoint,
    digests,
    disjoint_fingerprint,
    fingerprint,
    independent_sources,
    to_bytes,
)


def random_set(count: int, seed: int) -> ImageSet:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 3, 8, 8), generator=generator).float() / 255
    return ImageSet(images, torch.arange(count) % 2)


@pytest.fixture
def pools() -> Pools:
    return Pools(train=random_set(20, 1), aux=random_set(10, 2), private=random_set(6, 3), classes=("a", "b"))


def with_image(target: ImageSet, index: int, image: torch.Tensor) -> ImageSet:
    images = target.images.clone()
    images[index] = image
    return ImageSet(images, target.labels)


def test_pools_without_a_common_image_pass(pools):
    assert_disjoint(pools)


def test_equal_images_within_one_pool_pass(pools):
    assert_disjoint(replace(pools, train=with_image(pools.train, 3, pools.train.images[4])))


@pytest.mark.parametrize(("name", "other"), [("train", "private"), ("aux", "private"), ("aux", "train")])
def test_an_image_in_two_pools_is_named(pools, name, other):
    repeated = with_image(getattr(pools, name), 7, getattr(pools, other).images[5])
    with pytest.raises(UsageError, match=f"image 7 of {name} is image 5 of {other}"):
        assert_disjoint(replace(pools, **{name: repeated}))


def test_a_difference_below_half_a_gray_level_does_not_make_a_new_image(pools):
    nearly = (pools.private.images[0] + 0.4 / 255).clamp(max=1)
    with pytest.raises(UsageError, match="1 of the 10 images in aux"):
        assert_disjoint(replace(pools, aux=with_image(pools.aux, 0, nearly)))


def test_all_256_gray_levels_survive_the_way_to_floats_and_back():
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_bytes(levels.float() / 255), levels)


def test_more_images_than_one_chunk_keep_their_order():
    images = torch.arange(5000, dtype=torch.float32).remainder(256).view(-1, 1, 1, 1) / 255
    assert torch.equal(to_bytes(images).flatten().long(), torch.arange(5000) % 256)


def test_digests_tell_images_apart_by_one_pixel():
    images = torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    images[2, 0, 3, 3] = 1
    first, second, third = digests(images)
    assert first == second
    assert first != third


def test_equal_pools_have_equal_fingerprints(pools):
    copied = replace(pools, aux=ImageSet(pools.aux.images.clone(), pools.aux.labels.clone()))
    assert fingerprint(pools) == fingerprint(copied)
    assert len(fingerprint(pools)) == 16


@pytest.mark.parametrize("name", ["train", "aux", "private"])
def test_the_fingerprint_changes_with_any_pixel_any_label_and_the_order(pools, name):
    pool = getattr(pools, name)
    pixel = with_image(pool, 0, 1 - pool.images[0])
    label = ImageSet(pool.images, 1 - pool.labels)
    swapped = pool[torch.arange(len(pool)).flip(0)]
    marks = {fingerprint(replace(pools, **{name: changed})) for changed in (pool, pixel, label, swapped)}
    assert len(marks) == 4


def test_the_fingerprint_tells_which_pool_holds_what(pools):
    assert fingerprint(pools) != fingerprint(replace(pools, train=pools.aux, aux=pools.train))


def test_both_in_one_pass_give_the_same(pools):
    assert disjoint_fingerprint(pools) == fingerprint(pools)
    repeated = with_image(pools.train, 7, pools.aux.images[5])
    with pytest.raises(UsageError, match="image 5 of aux is image 7 of train"):
        disjoint_fingerprint(replace(pools, train=repeated))


@pytest.mark.parametrize(
    ("contents", "sources", "expected"),
    [
        ([0, 1, 2], None, None),
        ([0, 1, 0, 1], None, [0, 1, 0, 1]),
        ([0, 1, 2], [7, 5, 5], [7, 5, 5]),
        ([0, 1, 0, 2], [7, 5, 5, 9], [5, 5, 5, 9]),
        ([0, 1, 0, 1, 2], [8, 6, 4, 2, 6], [4, 2, 4, 2, 2]),
        ([3, 3, 4, 4, 5, 5], [9, 8, 8, 7, 7, 6], [6, 6, 6, 6, 6, 6]),
    ],
)
def test_equal_images_are_of_one_source(contents, sources, expected):
    images = (torch.tensor(contents) / 10).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    given = None if sources is None else torch.tensor(sources)
    found = independent_sources(ImageSet(images, torch.zeros(len(contents), dtype=torch.int64), given))
    assert (None if found is None else found.tolist()) == expected


def test_floats_that_are_no_8_bit_values_count_to_the_last_bit(pools):
    finer = replace(pools, aux=with_image(pools.aux, 3, pools.aux.images[3] * 0.999))
    other = replace(pools, aux=with_image(pools.aux, 3, pools.aux.images[3] * 0.9991))

    assert torch.equal(to_bytes(finer.aux.images), to_bytes(other.aux.images))
    assert fingerprint(finer) != fingerprint(other)
    for each in (finer, other):
        assert disjoint_fingerprint(each) == fingerprint(each)


def test_the_rounding_of_8_bit_values_in_floats_does_not_count(pools):
    rounded = replace(pools, aux=replace(pools.aux, images=(pools.aux.images * 0.7) / 0.7))

    assert not torch.equal(rounded.aux.images, pools.aux.images)
    assert fingerprint(rounded) == fingerprint(pools) == "bd624ab9d590d37a"
