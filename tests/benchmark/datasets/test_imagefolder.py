"""Folders of the user's own images."""

import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mia_bench.benchmark.datasets import _image_folder, _pixel_cache
from mia_bench.benchmark.datasets.imagefolder import Imagefolder
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation.pool_validation import validate_pools
from mia_bench.benchmark.interfaces.stored_images import StoredImages
from mia_bench.benchmark.utils import counting
from mia_bench.benchmark.utils.fingerprints import assert_disjoint, disjoint_fingerprint
from PIL import Image


@pytest.fixture
def tree(tmp_path) -> Path:
    root = tmp_path / "data"
    random = np.random.default_rng(0)
    for split, count in (("train", 10), ("test", 4)):
        for name in ("cat", "dog"):
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    return root


def load(root: Path | None, **params):
    return Imagefolder(**{"size": 16, **params}).load(root)


def refusal(root: Path | None) -> str:
    with pytest.raises(UsageError) as caught:
        load(root)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_test_split_is_private_and_the_training_split_is_divided(tree):
    pools = load(tree)
    assert (len(pools.train), len(pools.aux), len(pools.private)) == (16, 4, 8)
    assert pools.classes == ("cat", "dog")
    assert pools.private.labels.tolist() == [0, 1] * 4
    assert_disjoint(pools)


def test_images_keep_their_pixels_and_labels(tree):
    private = load(tree).private
    for index, name in enumerate(("cat", "dog")):
        pixels = np.asarray(Image.open(tree / "test" / name / "0.png"))
        expected = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
        assert torch.equal(private.images[index], expected)


def test_the_central_square_is_kept(tree):
    pixels = np.zeros((16, 48, 3), np.uint8)
    pixels[:, 16:32] = (255, 0, 0)
    Image.fromarray(pixels).save(tree / "test/cat/0.png")
    first = load(tree).private.images[0]
    assert torch.equal(first, torch.tensor([1.0, 0, 0]).view(3, 1, 1).expand(3, 16, 16))


@pytest.mark.parametrize("size", [8, 24])
def test_images_are_resized(tree, size):
    assert load(tree, size=size).image_shape == (3, size, size)


def test_one_channel_gives_luminance(tree):
    Image.new("RGB", (16, 16), (0, 255, 0)).save(tree / "test/cat/0.png")
    private = load(tree, channels=1).private
    assert private.images.shape[1:] == (1, 16, 16)
    assert private.images[0].mean() == pytest.approx(0.587, abs=0.003)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "RGBA", "LA"])
def test_other_kinds_of_pixels_become_rgb(tree, mode):
    suffix = "tif" if mode == "CMYK" else "png"
    (tree / "test/cat/0.png").unlink()
    Image.new("RGB", (16, 16), (255, 255, 255)).convert("RGBA" if mode == "RGBA" else "L").convert(mode).save(
        tree / f"test/cat/0.{suffix}"
    )
    assert load(tree).private.images[0].mean() == pytest.approx(1, abs=0.01)


def test_a_palette_with_transparency_is_read_without_a_warning(tree):
    Image.new("P", (16, 16)).save(tree / "test/cat/0.png", transparency=bytes(range(256)))
    assert load(tree).image_shape == (3, 16, 16)


def test_training_images_that_are_test_images_too_are_left_out(tree):
    (tree / "train/cat/3.png").write_bytes((tree / "test/cat/1.png").read_bytes())
    pools = load(tree, aux_images=4)
    assert (len(pools.train), len(pools.private)) == (15, 8)
    assert_disjoint(pools)


def test_hidden_files_and_files_of_other_kinds_are_passed_over(tree):
    (tree / "train/cat/.DS_Store").write_bytes(b"x")
    (tree / "train/.cache").mkdir()
    (tree / "train/labels.csv").write_text("a,b")
    assert len(load(tree).train) == 16


def test_the_second_load_decodes_nothing(tree, monkeypatch):
    first = load(tree)
    monkeypatch.setattr(_image_folder, "decode", lambda *_, **__: pytest.fail("decoded again"))
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


def test_a_missing_data_dir_is_asked_for():
    assert "--data-dir PATH" in refusal(None)


def test_a_data_dir_that_does_not_exist_is_named(tmp_path):
    assert str(tmp_path / "nowhere") in refusal(tmp_path / "nowhere")


def test_a_missing_training_split_is_named(tree):
    (tree / "train").rename(tree / "other")
    assert "no folder train/" in refusal(tree)


@pytest.mark.parametrize("flat", [True, False])
def test_without_a_test_split_a_fifth_of_each_class_is_private(tree, flat):
    shutil.rmtree(tree / "test")
    if flat:
        for name in ("cat", "dog"):
            (tree / "train" / name).rename(tree / name)
        (tree / "train").rmdir()

    pools = load(tree)

    assert torch.bincount(pools.private.labels).tolist() == [2, 2]
    assert torch.bincount(torch.cat([pools.train.labels, pools.aux.labels])).tolist() == [8, 8]
    assert "no test split" in pools.note
    assert_disjoint(pools)
    assert torch.equal(load(tree).private.images, pools.private.images)


def test_a_class_too_small_to_be_divided_is_named(tree):
    shutil.rmtree(tree / "test")
    for index in range(2, 10):
        (tree / f"train/dog/{index}.png").unlink()

    assert refusal(tree).startswith("Expected at least 3 images of class 'dog', got 2.")


def test_a_limit_reads_that_many_files_of_each_split_with_the_classes_in_proportion(tree):
    for index in (0, 1):  # fewer dogs
        (tree / f"train/dog/{index}.png").unlink()
    pools = load(tree, limit=6)

    assert (len(pools.train) + len(pools.aux), len(pools.private)) == (6, 6)
    assert torch.bincount(torch.cat([pools.train.labels, pools.aux.labels])).tolist() == [3, 3]


def test_images_may_be_wider_than_high_or_higher_than_wide(tree):
    pixels = np.zeros((16, 48, 3), np.uint8)
    pixels[:, 12:36] = (255, 0, 0)
    Image.fromarray(pixels).save(tree / "test/cat/0.png")

    first = load(tree, size=16, width=24).private.images[0]

    assert torch.equal(first, torch.tensor([1.0, 0, 0]).view(3, 1, 1).expand(3, 16, 24))
    assert load(tree, size=24, width=8).image_shape == (3, 24, 8)


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


def test_a_cached_file_that_is_cut_short_is_named(tree, monkeypatch):
    monkeypatch.setenv("MIA_BENCH_CACHE", str(tree / ".cache"))
    load(tree)
    (path, *_) = sorted((tree / ".cache").rglob("*.npy"))
    path.write_bytes(path.read_bytes()[:-5])

    message = refusal(tree)
    assert f"The cached file {path} is damaged" in message
    assert "Delete it" in message


def test_images_directly_in_train_are_no_classes(tree):
    for name in ("cat", "dog"):
        (tree / "train" / name).rename(tree / name)
    (tree / "train/0.png").write_bytes((tree / "cat/0.png").read_bytes())
    assert "no class folders" in refusal(tree)


def test_an_empty_class_folder_is_named(tree):
    for split in ("train", "test"):
        (tree / split / "eel").mkdir()
    assert str(tree / "train/eel") in refusal(tree)


@pytest.mark.parametrize(("split", "other"), [("train", "test"), ("test", "train")])
def test_a_class_in_one_split_only_is_named(tree, split, other):
    (tree / split / "eel").mkdir()
    message = refusal(tree)
    assert "'eel'" in message
    assert f"got 'eel' only in {split}. Add it to {other}" in message


def test_one_class_is_too_few(tree):
    for split in ("train", "test"):
        (tree / split / "dog").rename(tree / f"{split}-dog")
    assert "'cat'" in refusal(tree)


def test_a_truncated_image_is_named(tree):
    path = tree / "train/dog/5.png"
    path.write_bytes(path.read_bytes()[:200])
    message = refusal(tree)
    assert str(path) in message
    assert "damaged" in message


def test_a_truncated_jpeg_is_named(tree):
    path = tree / "train/dog/5.jpg"
    Image.open(tree / "train/dog/5.png").save(path)
    path.write_bytes(path.read_bytes()[:-100])
    assert f"{path} is damaged" in refusal(tree)


@pytest.mark.parametrize("content", [b"", b"a,b,c\n1,2,3\n"])
def test_a_file_that_is_no_image_is_named(tree, content):
    path = tree / "train/dog/notes.png"
    path.write_bytes(content)
    message = refusal(tree)
    assert str(path) in message
    assert "cannot be decoded" in message


def test_a_folder_among_the_images_is_named(tree):
    (tree / "train/dog/more").mkdir()
    assert f"got the folder {tree / 'train/dog/more'}" in refusal(tree)


def test_an_image_too_small_is_named_with_its_size(tree):
    Image.new("RGB", (7, 20)).save(tree / "train/dog/5.png")
    message = refusal(tree)
    assert str(tree / "train/dog/5.png") in message
    assert "7x20" in message
    assert "8x8" in message


def test_pixels_of_16_bits_are_refused_rather_than_cut_off(tree):
    Image.fromarray(np.full((16, 16), 40_000, np.uint16)).save(tree / "train/dog/5.png")
    assert "8 bits" in refusal(tree)


def test_a_failed_load_leaves_nothing_in_the_cache(tree):
    path = tree / "train/dog/5.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    refusal(tree)
    path.write_bytes(whole)
    assert len(load(tree).train) == 16


def test_a_link_to_nowhere_is_named(tree):
    (tree / "train" / "cat" / "lost.png").symlink_to(tree / "nowhere.png")

    assert "lost.png: No such file" in refusal(tree)
