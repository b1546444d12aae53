"""Arrays of images in a NumPy archive."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mia_bench.benchmark.datasets import _archive, _arrays
from mia_bench.benchmark.datasets.npz import Npz
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation.pool_validation import validate_pools
from mia_bench.benchmark.utils.fingerprints import assert_disjoint

from ...helpers.damage import damaged

RANDOM = np.random.default_rng(0)
GRAY = RANDOM.integers(0, 256, (40, 12, 10), dtype=np.uint8)
COLOR = RANDOM.integers(0, 256, (40, 12, 10, 3), dtype=np.uint8)
LABELS = np.arange(40) % 4


def medmnist(images: Any = GRAY, labels: Any = LABELS) -> dict[str, Any]:
    return {
        f"{split}_{content}": array[part]
        for split, part in (("train", slice(0, 20)), ("val", slice(20, 28)), ("test", slice(28, 40)))
        for content, array in (("images", images), ("labels", labels))
    }


def load(folder: Path, arrays: dict[str, Any], **params: Any) -> Any:
    np.savez_compressed(folder / "x.npz", **arrays)
    return Npz(path=Path("x.npz"), **params).load(folder)


def refusal(folder: Path, arrays: dict[str, Any]) -> str:
    with pytest.raises(UsageError) as caught:
        load(folder, arrays)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_validation_images_join_the_training_split_and_the_test_split_is_private(tmp_path: Path) -> None:
    pools = load(tmp_path, medmnist(labels=LABELS[:, None]))

    assert len(pools.train) + len(pools.aux) == 28
    assert (len(pools.private), pools.image_shape, pools.classes) == (12, (1, 12, 10), ("0", "1", "2", "3"))
    assert torch.equal(pools.private.images[0, 0], torch.from_numpy(GRAY[28]) / 255)
    assert pools.private.labels[0] == 0
    assert_disjoint(pools)


def test_a_single_class_is_refused_with_the_task_that_needs_none(tmp_path: Path) -> None:
    pools = load(tmp_path, medmnist(labels=np.zeros_like(LABELS)))

    with pytest.raises(UsageError, match=r"Expected at least 2 classes, got 1, from .*, or give task=unlabeled, which"):
        validate_pools(pools, "x")
    validate_pools(load(tmp_path, medmnist(labels=np.zeros_like(LABELS)), task="unlabeled"), "x")


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        (COLOR, (3, 12, 10)),
        (COLOR.transpose(0, 3, 1, 2), (3, 12, 10)),
        (COLOR / 255, (3, 12, 10)),
        (GRAY[..., None], (1, 12, 10)),
        ((GRAY / 255).astype(np.float32), (1, 12, 10)),
    ],
    ids=["channels last", "channels first", "floats", "one channel", "gray floats"],
)
def test_every_layout_gives_the_same_pixels(tmp_path: Path, images: Any, shape: tuple[int, ...]) -> None:
    arrays = {"x_train": images[:28], "y_train": LABELS[:28], "x_test": images[28:], "y_test": LABELS[28:]}

    first = load(tmp_path, arrays).private.images[0]

    expected = COLOR[28].transpose(2, 0, 1) if shape[0] == 3 else GRAY[28][None]
    assert torch.equal(first, torch.from_numpy(expected.copy()).float() / 255)


def test_floats_between_the_8_bit_levels_stay_as_they_are(tmp_path: Path) -> None:
    """Tokens of a vocabulary of 1,000 are numbers of which four have the same 8 bits."""
    tokens = (RANDOM.integers(0, 1000, (40, 8, 8)) / 999).astype(np.float32)

    for _ in ("read", "cached"):
        pools = load(tmp_path, medmnist(tokens))
        assert torch.equal(pools.private.images[0, 0], torch.from_numpy(tokens[28]))
        assert pools.train.images.dtype == torch.float32
    assert_disjoint(pools)


def test_floats_that_are_too_many_are_rounded_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_arrays, "MAX_FLOAT_BYTES", 1000)
    levels = GRAY / 255

    assert torch.equal(load(tmp_path, medmnist(levels)).private.images[0, 0], torch.from_numpy(GRAY[28]) / 255)
    assert not caplog.records
    pools = load(tmp_path, medmnist(levels * 0.999))

    torch.testing.assert_close(pools.private.images[0, 0], torch.from_numpy(levels[28]).float(), atol=2 / 255, rtol=0)
    assert "Rounded the floats of " in caplog.text


def test_an_archive_without_a_test_split_is_divided_by_class(tmp_path: Path) -> None:
    pools = load(tmp_path, {"images": GRAY, "labels": LABELS.astype(np.int16) * 5 + 1})

    assert torch.bincount(pools.private.labels).tolist() == [2, 2, 2, 2]
    assert pools.classes == ("1", "6", "11", "16")
    assert_disjoint(pools)


def test_one_archive_is_divided_anew_for_each_task(tmp_path: Path) -> None:
    repeated = {"images": np.concatenate([GRAY[:27], GRAY[:20]]), "labels": np.arange(47) % 3}
    np.savez(tmp_path / "x.npz", **repeated)

    for task in ("unlabeled", "classification", "unlabeled"):
        pools = Npz(path=Path("x.npz"), task=task).load(tmp_path)  # the second and the third find a cached division
        assert_disjoint(pools)
        shown = torch.cat([pools.train.images, pools.aux.images, pools.private.images]).flatten(1)
        assert len(shown.unique(dim=0)) == 27


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    before = load(tmp_path, medmnist())
    after = load(tmp_path, medmnist(255 - GRAY))

    torch.testing.assert_close(after.private.images, 1 - before.private.images)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_a_part_of_the_images_may_be_nearly_black(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: type) -> None:
    monkeypatch.setattr(_archive, "PART_BYTES", 4 * 12 * 10 * np.dtype(dtype).itemsize)
    dark = GRAY.copy()
    dark[28:] = np.eye(12, dtype=np.uint8)[:, :, None]  # three parts of four images without a value above 1

    pools = load(tmp_path, {"images": dark.astype(dtype), "labels": LABELS})

    assert pools.train.images.max() > 0.9


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "other names": ({"a": GRAY, "b": LABELS}, "Expected arrays called train_images, .*; or x, y in .* got a, b"),
    "two layouts": (
        {"images": GRAY, "labels": LABELS, "x_train": GRAY, "y_train": LABELS, "x_test": GRAY, "y_test": LABELS},
        "Expected one set of images in .*, got x_train, y_train, x_test, y_test; and images, labels. Save one of them",
    ),
    "two sets of images": ({"images": GRAY, "x": GRAY}, "Expected one set of images in .*, got images; and x. Save"),
    "objects": ({"images": GRAY.astype(object), "labels": LABELS}, "Python objects, which are pickles"),
    "floats above 1": (
        {"images": GRAY.astype(float), "labels": LABELS},
        "floats in .0, 1., got float64 from 0 .* by 255",
    ),
    "huge floats": ({"images": GRAY * 1e300, "labels": LABELS}, "floats in .0, 1., got float64 from 0 to 2.55e"),
    "NaN": ({"images": np.full((40, 12, 10), np.nan), "labels": LABELS}, "floats in .0, 1."),
    "16 bits": ({"images": GRAY.astype(np.uint16) * 257, "labels": LABELS}, "got uint16 from 0 .* for example 65535"),
    "masks": ({"images": GRAY // 200, "labels": LABELS}, "got uint8 from 0 to 1. Convert them to floats if 1 is white"),
    "complex numbers": ({"images": GRAY.astype(complex), "labels": LABELS}, "Expected numbers in .*, got complex128"),
    "5 channels": ({"images": np.zeros((40, 12, 10, 5), np.uint8), "labels": LABELS}, "with 1 or 3 channels"),
    "vectors": ({"images": GRAY.reshape(40, -1), "labels": LABELS}, "with 1 or 3 channels"),
    "too few labels": ({"images": GRAY, "labels": LABELS[:30]}, "one whole number for each of the 40 images"),
    "a table each": ({"images": GRAY, "labels": np.zeros((40, 2, 2))}, "or a row of numbers for each"),
    "texts": ({"images": GRAY, "labels": LABELS.astype(str)}, "one whole number for each"),
    "an empty number": ({"images": GRAY, "labels": np.r_[np.zeros(39), np.nan]}, "got an empty or infinite one"),
    "columns first": ({"images": np.asfortranarray(GRAY), "labels": LABELS}, "row by row"),
    "no images": (
        {"images": GRAY[:0], "labels": LABELS[:0]},
        "Expected at least one image in the array images of .*, got none",
    ),
    "no images of floats": (
        {"images": GRAY[:0] / 255, "labels": LABELS[:0]},
        "Expected at least one image in the array",
    ),
    "no pixels": (
        {"images": GRAY[:, :0], "labels": LABELS},
        "Expected images of 1 to 64,000,000 pixels in .*, got 0x10",
    ),
    "floats without pixels": ({"images": GRAY[:, :0] / 255, "labels": LABELS}, "images of 1 to .*, got 0x10"),
    "no bytes a number": ({"images": np.zeros((40, 12, 10), "V0"), "labels": LABELS}, "damaged .its type is"),
    "a rare class": ({"images": GRAY, "labels": np.r_[np.zeros(38, int), 1, 1]}, "at least 3 images of class 1, got 2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arrays_that_are_not_images_and_labels_are_refused(tmp_path: Path, name: str) -> None:
    arrays, words = REFUSED[name]

    assert re.search(words, refusal(tmp_path, arrays))


def test_arrays_that_are_not_read_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(tmp_path, {"images": GRAY, "labels": LABELS, "x_test": GRAY, "ages": LABELS})

    assert f"Ignored 2 arrays of {tmp_path / 'x.npz'}: ages, x_test." in caplog.text


def test_a_file_that_is_not_an_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"no archive")

    with pytest.raises(UsageError, match=r"x.npz is not a .npz file"):
        Npz(path=tmp_path / "x.npz").load(None)
    with pytest.raises(UsageError, match="which is not a file"):
        Npz(path=tmp_path / "y.npz").load(None)


HEADERS: dict[str, tuple[Any, tuple[int, ...], str]] = {
    "too large": ("|u1", (40, 5000, 5000), r"is damaged \(it is cut short\)"),
    "negative": ("|u1", (-1, 12, 10), r"is damaged \(its shape is \(-1, 12, 10\)\)"),
    "more than 64 bits": ("|u1", (40, 2**33, 2**33), f"Expected images of 1 to .*, got {2**33}x{2**33}"),
    "one huge image": ("|u1", (1, 46000, 46000), "Expected images of 1 to 64,000,000 pixels in .*, got 46000x46000"),
    "an array each": (("<f4", (3,)), (40, 12, 10), r"is damaged \(its type is"),
    "no bytes": ("|S0", (40, 12, 10), r"is damaged \(its type is"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_not_that_of_the_images_is_refused(tmp_path: Path, name: str) -> None:
    kind, shape, words = HEADERS[name]
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": kind, "fortran_order": False, "shape": shape})
    labels = io.BytesIO()
    np.save(labels, LABELS)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
        file.writestr("images.npy", header.getvalue() + b"only this")
        file.writestr("labels.npy", labels.getvalue())

    with pytest.raises(UsageError, match=rf"array images of .*x.npz.*{words}|{words}"):
        Npz(path=Path("x.npz")).load(tmp_path)


def test_a_damaged_file_is_refused_unless_it_still_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    whole = load(tmp_path, {"images": GRAY, "labels": LABELS}, task="classification")
    refused = []

    for changed in damaged(path.read_bytes(), step=3):
        path.write_bytes(changed)
        try:
            assert torch.equal(Npz(path=path, task="classification").load(None).private.images, whole.private.images)
        except UsageError as error:
            refused.append(str(error))
    assert len(refused) > 60
    assert not any("\n" in reason for reason in refused)


@pytest.mark.parametrize(
    ("labels", "task"),
    [(LABELS.astype(float), "classification"), (np.arange(40) / 7, "regression"), (LABELS * 2.0**60, "regression")],
)
def test_whole_numbers_of_a_floating_type_are_classes(tmp_path: Path, labels: Any, task: str) -> None:
    assert load(tmp_path, {"images": GRAY, "labels": labels}).private.task == task


def test_whole_numbers_of_few_images_each_may_be_numbers_to_predict(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16), np.uint8)
    np.savez(tmp_path / "ages.npz", images=images, labels=np.arange(20))
    with pytest.raises(UsageError, match="or give task=regression if the labels are numbers to predict"):
        Npz(path=tmp_path / "ages.npz").load(None)
    assert Npz(path=tmp_path / "ages.npz", task="regression").load(None).task == "regression"
