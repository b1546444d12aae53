"""Folders of images that cannot be used: one sentence names what is wrong."""

import shutil

import numpy as np
import pytest
from PIL import Image

from ...helpers.image_folders import load, refusal


def test_a_missing_data_dir_is_asked_for():
    assert "--data-dir PATH" in refusal(None)


def test_a_data_dir_that_does_not_exist_is_named(tmp_path):
    assert str(tmp_path / "nowhere") in refusal(tmp_path / "nowhere")


def test_a_missing_training_split_is_named(tree):
    (tree / "train").rename(tree / "other")
    assert "no folder train/" in refusal(tree)


def test_a_class_too_small_to_be_divided_is_named(tree):
    shutil.rmtree(tree / "test")
    for index in range(2, 10):
        (tree / f"train/dog/{index}.png").unlink()

    assert refusal(tree).startswith("Expected at least 3 images of class 'dog', got 2.")


def test_images_directly_in_train_are_no_classes(tree):
    for name in ("cat", "dog"):
        (tree / "train" / name).rename(tree / name)
    (tree / "train/0.png").write_bytes((tree / "cat/0.png").read_bytes())
    assert "no class folders" in refusal(tree)


def test_images_beside_class_folders_are_said_to_be_ignored(tree, caplog):
    for name in ("cat/0.png", "cat/1.png"):
        (tree / "train" / name).rename(tree / "train" / name.partition("/")[2])
    load(tree)
    assert f"Ignored 2 images beside the class folders, such as {tree / 'train/0.png'}." in caplog.messages


def test_images_that_are_all_equal_are_too_few(tmp_path):
    for index in range(60):
        Image.fromarray(np.full((8, 8, 3), 40 * (index % 4), np.uint8)).save(tmp_path / f"{index}.png")
    message = refusal(tmp_path, task="auto")
    assert message.startswith("Expected at least 2 different training images that equal no private image, got 0, ")


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
    assert "got only 'cat'. Add another class, or give task=unlabeled." in refusal(tree)


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


def test_a_link_to_nowhere_is_named(tree):
    (tree / "train" / "cat" / "lost.png").symlink_to(tree / "nowhere.png")

    assert "lost.png: No such file" in refusal(tree)
