"""Folders of images without labels, or whose labels are ignored."""

from pathlib import Path
from typing import Any

import pytest

from .labeled_images import COUNT, folder, images


def test_a_folder_of_images_is_unlabeled(tmp_path: Path) -> None:
    pools = folder(images(tmp_path))

    assert (pools.task, pools.classes, len(pools.private)) == ("unlabeled", (), COUNT // 5)
    assert "a fifth of the images, chosen" in pools.note


@pytest.mark.parametrize("place", ["", "train/"])
def test_files_beside_images_without_classes_are_ignored_with_a_warning(
    place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images(tmp_path, (lambda i: f"{'test' if i < 6 else 'train'}/{i}.png") if place else None)
    for name in (f"{place}a.heic", f"{place}b.heic", f"{place}Thumbs.db", f"{place}.hidden"):
        (tmp_path / name).write_bytes(b"x")

    folder(tmp_path)

    assert f"Ignored 2 files whose suffix is not that of an image format, such as {tmp_path / place}" in caplog.text


def test_the_folders_of_splits_may_hold_images_without_classes(tmp_path: Path) -> None:
    pools = folder(images(tmp_path, lambda i: f"{'test' if i < 6 else 'train'}/{i}.png"))

    assert (pools.task, len(pools.private), pools.note) == ("unlabeled", 6, "")


@pytest.mark.parametrize("names", ["ab", "a"])
def test_labels_of_folders_can_be_ignored(tmp_path: Path, names: str) -> None:
    pools = folder(images(tmp_path, lambda i: f"{names[i % len(names)]}/{i}.png"), task="unlabeled")

    assert (pools.task, pools.classes) == ("unlabeled", ())


@pytest.mark.parametrize(
    "name",
    [
        lambda i: f"folder{i // 2}/{i}.png",
        lambda i: f"train/folder{i // 2}/{i}.png",
        lambda i: f"{'train' if i < COUNT * 4 // 5 else 'test'}/folder{i}/{i}.png",
    ],
)
def test_folders_do_not_matter_where_labels_are_ignored(tmp_path: Path, name: Any) -> None:
    pools = folder(images(tmp_path, name), task="unlabeled")

    assert (pools.task, pools.classes) == ("unlabeled", ())
    assert len(pools.private) in (COUNT // 5, COUNT - COUNT * 4 // 5)


def test_names_of_classes_do_not_matter_where_labels_are_ignored(tmp_path: Path) -> None:
    lines = ["file,animal", *(f"{index}.png,animal {index // 2}" for index in range(COUNT))]
    (images(tmp_path) / "labels.csv").write_text("\n".join(lines))

    assert len(folder(tmp_path, task="unlabeled").private) == COUNT // 5
