"""Tables of several labels or of numbers beside a folder of images."""

from pathlib import Path

import numpy as np
import pytest
import torch

from .labeled_images import COUNT, FLAGS, NUMBERS, folder, images, table


@pytest.mark.parametrize("name", ["labels.csv", "Labels.csv", "attributes.csv", "ATTRIBUTES.CSV"])
@pytest.mark.parametrize("low", [0, -1])
def test_a_table_of_flags_gives_several_labels(tmp_path: Path, low: int, name: str) -> None:
    table(images(tmp_path), np.where(FLAGS, 1, low), "file,red,green,blue", name)
    pools = folder(tmp_path)

    assert (pools.task, pools.classes) == ("multi-label", ("red", "green", "blue"))
    total = sum(pool.labels.sum(0) for pool in (pools.train, pools.aux, pools.private))
    assert torch.equal(total, torch.from_numpy(FLAGS.sum(0)).float())  # pyright: ignore[reportArgumentType]


def test_true_and_false_may_be_beside_numbers(tmp_path: Path) -> None:
    values = [[bool(flag), number] for flag, number in zip(FLAGS[:, 0], NUMBERS[:, 0], strict=True)]
    table(images(tmp_path), values, "file,smiling,age")
    pools = folder(tmp_path)

    assert pools.task == "regression"
    total = sum(pool.labels[:, 0].sum() for pool in (pools.train, pools.aux, pools.private))
    assert total == FLAGS[:, 0].sum()


def test_a_table_of_numbers_is_for_regression_and_may_name_the_splits(tmp_path: Path) -> None:
    def name(index: int) -> str:
        return f"{'test' if index < 6 else 'train'}/{index}.png"

    table(images(tmp_path, name), NUMBERS, "file, x, y", names=name)
    pools = folder(tmp_path)

    assert (pools.task, pools.classes, len(pools.private)) == ("regression", ("x", "y"), 6)
    assert pools.private.labels.sum(0).tolist() == pytest.approx(NUMBERS[:6].sum(0).tolist(), rel=1e-5)


def test_spaces_around_the_values_of_a_table_are_not_part_of_them(tmp_path: Path) -> None:
    lines = [f"{index}.png , {index / 2} " for index in range(COUNT)]
    (images(tmp_path) / "labels.csv").write_text("\n".join(["file , x", *lines]))

    assert folder(tmp_path).task == "regression"


def test_images_without_a_line_in_the_table_are_ignored_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [f"{index}.png,{index / 7}" for index in range(COUNT - 2)]
    (images(tmp_path) / "labels.csv").write_text("\n".join(["file,x", *lines]))

    pools = folder(tmp_path)

    assert sum(map(len, (pools.train, pools.aux, pools.private))) == COUNT - 2
    assert (
        f"Ignored 2 images without a line in {tmp_path / 'labels.csv'}, such as {tmp_path / '22.png'}." in caplog.text
    )


def test_a_table_inside_a_folder_of_a_class_is_said_to_be_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = images(tmp_path, lambda index: f"{'ab'[index % 2]}/{index}.png")
    table(root / "a", NUMBERS, "file,x,y")
    folder(tmp_path)

    assert (
        f"Ignored 1 file whose suffix is not that of an image format, such as {root / 'a' / 'labels.csv'}"
        in caplog.text
    )
