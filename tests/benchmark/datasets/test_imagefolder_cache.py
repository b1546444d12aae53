"""What is kept of folders of images: decoded once, on disk if it is large, and noticed if it is damaged."""

import os
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mia_bench.benchmark.datasets import _image_tree, _pixel_cache
from mia_bench.benchmark.evaluation.pool_validation import validate_pools
from mia_bench.benchmark.interfaces.stored_images import StoredImages
from mia_bench.benchmark.utils import cache, counting
from mia_bench.benchmark.utils.fingerprints import disjoint_fingerprint
from PIL import Image

from ...helpers.image_folders import load, refusal


def test_the_second_load_decodes_nothing(tree, monkeypatch):
    first = load(tree)
    monkeypatch.setattr(_image_tree, "decode", lambda *_, **__: pytest.fail("decoded again"))
    for module in (_pixel_cache, cache):
        monkeypatch.setattr(module, "locked", lambda _: pytest.fail("a lock file was written"))
    second = load(tree)
    assert torch.equal(first.train.images, second.train.images)
    assert second.classes == ("cat", "dog")
    assert len(load(tree, aux_images=6).aux) == 6


@pytest.mark.parametrize("params", [{"size": 8}, {"channels": 1}])
def test_other_parameters_do_not_hit_the_cache(tree, params):
    before = load(tree)
    assert load(tree, **params).image_shape != before.image_shape


def test_a_changed_file_is_decoded_again(tree):
    load(tree)
    changed = tree / "test/cat/0.png"
    size, modified = changed.stat().st_size, changed.stat().st_mtime_ns
    Image.fromarray(np.random.default_rng(9).integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(changed)
    assert changed.stat().st_size == size  # only the time of change tells
    os.utime(changed, ns=(modified, modified + 1_000_000))
    expected = np.asarray(Image.open(changed)).mean() / 255
    assert load(tree).private.images[0].mean() == pytest.approx(expected, abs=1e-5)


def test_images_too_many_for_memory_stay_on_disk_and_are_the_same(tree, monkeypatch):
    dense = load(tree)
    monkeypatch.setattr(_pixel_cache, "MAX_FLOAT_BYTES", 1000)
    stored = load(tree)

    for pool in ("train", "aux", "private"):
        images = getattr(stored, pool).images
        assert isinstance(images, StoredImages)
        assert torch.equal(images.dense(), getattr(dense, pool).images)
    assert disjoint_fingerprint(stored) == disjoint_fingerprint(dense)
    validate_pools(stored, "stored")


def test_what_takes_long_says_how_far_it_is(tree, monkeypatch, caplog):
    monkeypatch.setattr(counting, "MESSAGE_SECONDS", 0.0)
    with caplog.at_level("INFO"):
        load(tree)

    assert re.search(r"Decoding images: 7 of 20 \(\d+ s left\)\.", caplog.text)


def test_a_full_disk_is_noticed_before_anything_is_decoded(tree, monkeypatch):
    monkeypatch.setattr(_pixel_cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=100))

    assert "Set MIA_BENCH_CACHE to a folder on a larger disk" in refusal(tree)


def test_images_that_cannot_be_read_are_not_an_error_of_the_cache(tree, monkeypatch):
    def unplugged(*_):
        raise OSError(5, "Input/output error", str(tree))

    monkeypatch.setattr(_image_tree, "decode", unplugged)

    assert refusal(tree).startswith("Cannot read the images: [Errno 5] Input/output error: ")


def test_a_cached_file_that_is_cut_short_is_named(tree, monkeypatch):
    monkeypatch.setenv("MIA_BENCH_CACHE", str(tree / ".cache"))
    load(tree)
    (path, *_) = sorted((tree / ".cache").rglob("*.npy"))
    path.write_bytes(path.read_bytes()[:-5])

    message = refusal(tree)
    assert f"The cached file {path} is damaged" in message
    assert "Delete it" in message


def test_a_failed_load_leaves_nothing_in_the_cache(tree):
    path = tree / "train/dog/5.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    refusal(tree)
    path.write_bytes(whole)
    assert len(load(tree).train) == 16
