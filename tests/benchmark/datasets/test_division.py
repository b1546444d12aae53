"""How a training and a test split become three pools."""

import pytest
import torch
from mia_bench.benchmark.datasets._division import (
    RawImages,
    divide_pools,
    proportional_order,
    rank_in_group,
    round_robin,
    without_repeats,
)
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.utils.fingerprints import assert_disjoint


def distinct_images(count: int, first: int = 0) -> torch.Tensor:
    number = torch.arange(first, first + count)
    return torch.stack([number % 256, number // 256], 1).to(torch.uint8).view(count, 1, 1, 2)


def split_of(labels: list[int], first: int = 0) -> RawImages:
    return RawImages(distinct_images(len(labels), first), torch.tensor(labels))


def test_rank_counts_earlier_members_of_the_group():
    assert rank_in_group(torch.tensor([2, 0, 2, 2, 0])).tolist() == [0, 0, 1, 2, 1]


def test_round_robin_takes_the_first_of_each_class_then_the_second():
    assert round_robin(torch.tensor([1, 1, 0, 2, 0, 1])).tolist() == [2, 0, 3, 4, 1, 5]


def test_every_prefix_of_the_private_pool_is_balanced():
    labels = torch.randperm(60, generator=torch.Generator().manual_seed(0)) % 5
    ordered = labels[round_robin(labels)]
    for count in range(1, 61):
        seen = torch.bincount(ordered[:count], minlength=5)
        assert seen.max() - seen.min() <= 1


def test_the_training_split_is_divided_without_loss_and_the_test_split_is_private():
    train, test = split_of([0, 1, 2] * 40), split_of([0, 1, 2] * 5, first=1000)
    pools = divide_pools(train, test, ("a", "b", "c"), 30)
    assert (len(pools.train), len(pools.aux), len(pools.private)) == (90, 30, 15)
    assert_disjoint(pools)
    whole = torch.cat([pools.train.images, pools.aux.images]).mul(255).round().flatten(1).tolist()
    assert sorted(whole) == sorted(train.images.flatten(1).tolist())


def test_labels_follow_their_images():
    train, test = split_of([0, 1, 1, 0, 1, 0, 0, 1]), split_of([1, 0, 1], first=500)
    pools = divide_pools(train, test, ("a", "b"), 3)
    for pool, split in ((pools.train, train), (pools.aux, train), (pools.private, test)):
        for image, label in zip(pool.images, pool.labels, strict=True):
            place = (split.images.float() / 255 == image).flatten(1).all(1).nonzero().item()
            assert split.labels[place] == label


def test_images_are_floats_from_zero_to_one():
    train = RawImages(torch.tensor([0, 255, 51, 7], dtype=torch.uint8).view(4, 1, 1, 1), torch.tensor([0, 1, 0, 1]))
    pools = divide_pools(train, split_of([0, 1]), ("a", "b"), 2)
    values = torch.cat([pools.train.images, pools.aux.images]).flatten()
    assert values.dtype == torch.float32
    assert sorted(values.tolist()) == pytest.approx([0, 7 / 255, 0.2, 1])


def test_aux_has_the_classes_in_proportion():
    labels = torch.tensor([0] * 600 + [1] * 300 + [2] * 100)
    order = proportional_order(labels, ("a", "b", "c"))
    counts = torch.bincount(labels[order[:200]])
    assert (counts - torch.tensor([120, 60, 20])).abs().max() <= 1


def test_aux_is_not_simply_the_first_images_of_the_files():
    order = proportional_order(torch.tensor([0, 1] * 100), ("a", "b"))
    assert order[:20].max() > 100


def test_a_larger_aux_holds_the_smaller_one_and_the_division_never_changes():
    train, test = split_of([0, 1] * 50), split_of([0, 1], first=900)
    torch.manual_seed(1)
    small = divide_pools(train, test, ("a", "b"), 10).aux
    torch.manual_seed(2)
    large = divide_pools(train, test, ("a", "b"), 25).aux
    assert torch.equal(small.images, large.images[:10])


@pytest.mark.parametrize("aux_images", [3, 20])
def test_aux_and_train_keep_every_class_at_the_limits(aux_images):
    labels = [0] * 15 + [1] * 6 + [2] * 2
    pools = divide_pools(split_of(labels), split_of([0, 1, 2], first=800), ("a", "b", "c"), aux_images)
    assert set(pools.aux.labels.tolist()) == set(pools.train.labels.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("aux_images", [2, 21])
def test_an_impossible_aux_is_refused_with_the_possible_range(aux_images):
    labels = [0] * 15 + [1] * 6 + [2] * 2
    with pytest.raises(UsageError, match=f"from 3 to 20, got {aux_images}"):
        divide_pools(split_of(labels), split_of([0, 1, 2], first=800), ("a", "b", "c"), aux_images)


def test_no_wish_gives_the_attacker_a_fifth():
    pools = divide_pools(split_of([0, 1] * 50), split_of([0, 1], first=900), ("a", "b"), None)
    assert (len(pools.aux), len(pools.train)) == (20, 80)


def test_a_class_with_one_training_image_is_named():
    with pytest.raises(UsageError, match=r"of class 'rare' .* got 1"):
        divide_pools(split_of([0] * 9 + [1]), split_of([0, 1], first=900), ("often", "rare"), None)


def test_repeats_are_dropped_from_the_training_split_and_private_is_kept():
    train, test = split_of([0, 1, 0, 1, 0]), split_of([1], first=2)
    train.images[4] = train.images[0]
    kept = without_repeats(train, test)
    assert kept.images.flatten(1).tolist() == [[0, 0], [1, 0], [3, 0]]
    assert kept.labels.tolist() == [0, 1, 1]
