"""Folders of the user's own images."""

import shutil

import numpy as np
import pytest
import torch
from mia_bench.benchmark.utils.fingerprints import assert_disjoint
from PIL import Image

from ...helpers.image_folders import load


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


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_a_validation_folder_is_ignored_with_a_warning(tree, name, caplog):
    (tree / "test").rename(tree / name)
    load(tree)
    assert f"Ignored the folder {tree / name}, since only train and test are read. Rename it to test" in caplog.text


def test_a_validation_folder_beside_a_test_folder_is_ignored_with_a_warning(tree, caplog):
    shutil.copytree(tree / "test", tree / "val")
    load(tree)
    assert "Move its images into train to use its images." in caplog.text
