"""Whole photographs: the private ones are shown to nobody else."""

import numpy as np
import pytest
import torch
from mia_bench.benchmark.datasets import whole_photos
from mia_bench.benchmark.datasets.whole_photos import CROPPED_PHOTOGRAPHS, CROPS, PRIVATE, WholePhotos
from mia_bench.benchmark.interfaces import Pools
from mia_bench.benchmark.utils.fingerprints import assert_disjoint
from PIL import Image
from skimage import data


@pytest.fixture(scope="module")
def pools() -> Pools:
    return WholePhotos(size=32).load(None)


def test_the_first_private_images_are_whole_photographs(pools: Pools) -> None:
    cat = Image.fromarray(data.chelsea())
    left = (cat.width - cat.height) // 2
    square = cat.resize((32, 32), Image.Resampling.LANCZOS, box=(left, 0, left + cat.height, cat.height))

    np.testing.assert_array_equal(
        (pools.private.images[1] * 255).round().numpy(), np.moveaxis(np.asarray(square), 2, 0)
    )
    assert pools.private.sources is not None
    assert pools.private.sources[:4].tolist() == [0, 1, 2, 0]
    assert pools.aux.sources is not None
    assert pools.aux.sources.bincount().tolist() == [CROPS] * len(CROPPED_PHOTOGRAPHS)


def test_pools_have_no_labels_and_share_no_image_and_no_photograph(pools: Pools) -> None:
    assert {pools.train.task, pools.aux.task, pools.private.task} == {"unlabeled"}
    assert [len(each) for each in (pools.private, pools.aux)] == [3 * (CROPS + 1), len(CROPPED_PHOTOGRAPHS) * CROPS]
    assert_disjoint(pools)
    assert not set(PRIVATE) & set(CROPPED_PHOTOGRAPHS)


def test_the_victim_and_the_attacker_have_different_halves_of_a_photograph() -> None:
    photo = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(1, -1).repeat(64, 0)).convert("RGB")
    left, right = whole_photos._halves(photo)

    assert np.asarray(left).max() == 127
    assert np.asarray(right).min() == 128


def test_every_load_gives_the_same_images(pools: Pools) -> None:
    assert torch.equal(WholePhotos(size=32).load(None).aux.images, pools.aux.images)
