"""Labels of other tasks than classification, and images without labels."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mia_bench.benchmark.datasets.imagefolder import Imagefolder
from mia_bench.benchmark.datasets.npz import Npz
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation.pool_validation import validate_pools
from mia_bench.benchmark.interfaces import Pools
from mia_bench.benchmark.utils.fingerprints import assert_disjoint, disjoint_fingerprint
from PIL import Image

COUNT = 24
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (COUNT, 12, 12, 3), dtype=np.uint8)
FLAGS = (RANDOM.random((COUNT, 3)) < 0.4).astype(np.int64)
NUMBERS = RANDOM.random((COUNT, 2)) * 50


def arrays(folder: Path, labels: Any = None, **params: Any) -> Pools:
    given = {} if labels is None else {"labels": labels}
    np.savez_compressed(folder / "x.npz", images=IMAGES, **given)
    pools = Npz(path=Path("x.npz"), **params).load(folder)
    validate_pools(pools, "x")
    return pools


def images(root: Path, names: Any = None) -> Path:
    for index in range(COUNT):
        path = root / (names(index) if names else f"{index}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGES[index]).save(path)
    return root


def table(root: Path, values: Any, header: str, name: str = "labels.csv", names: Any = None) -> None:
    lines = [",".join(map(str, [names(i) if names else f"{i}.png", *values[i]])) for i in range(COUNT)]
    (root / name).write_text("\n".join([header, *lines]) + "\n")


def folder(root: Path, **params: Any) -> Pools:
    pools = Imagefolder(**{"size": 12, **params}).load(root)
    validate_pools(pools, "folder")
    assert_disjoint(pools)
    return pools


@pytest.mark.parametrize(
    ("labels", "params", "task", "classes"),
    [
        (FLAGS, {}, "multi-label", ("0", "1", "2")),
        (FLAGS.astype(bool), {}, "multi-label", ("0", "1", "2")),
        (np.eye(3, dtype=int)[np.arange(COUNT) % 3], {}, "classification", ("0", "1", "2")),
        (NUMBERS, {}, "regression", ("0", "1")),
        (NUMBERS[:, 0], {}, "regression", ("0",)),
        (np.arange(COUNT)[:, None] % 5, {}, "classification", ("0", "1", "2", "3", "4")),
        (np.arange(COUNT)[:, None] % 5, {"task": "regression"}, "regression", ("0",)),
        (FLAGS, {"task": "regression"}, "regression", ("0", "1", "2")),
        (np.arange(COUNT) % 5, {"task": "unlabeled"}, "unlabeled", ()),
        (None, {}, "unlabeled", ()),
    ],
)
def test_arrays_of_labels_tell_their_task(
    tmp_path: Path, labels: Any, params: dict[str, Any], task: str, classes: tuple[str, ...]
) -> None:
    pools = arrays(tmp_path, labels, **params)

    assert (pools.task, pools.classes) == (task, classes)
    assert len(pools.train) + len(pools.aux) + len(pools.private) == COUNT


def test_each_image_keeps_its_labels(tmp_path: Path) -> None:
    pools = arrays(tmp_path, NUMBERS)

    by_image = {IMAGES[index].transpose(2, 0, 1).tobytes(): NUMBERS[index] for index in range(COUNT)}
    for pool in (pools.train, pools.aux, pools.private):
        for image, label in zip(pool.images, pool.labels, strict=True):
            content = (image * 255).round().byte().numpy().tobytes()
            np.testing.assert_allclose(label.numpy(), by_image[content], rtol=1e-6)


def test_other_labels_are_other_data(tmp_path: Path) -> None:
    found = {disjoint_fingerprint(arrays(tmp_path, FLAGS, task=task)) for task in ("multi-label", "regression")}

    assert len(found | {disjoint_fingerprint(arrays(tmp_path, FLAGS, task="unlabeled"))}) == 3


@pytest.mark.parametrize(
    ("labels", "task", "words"),
    [
        (NUMBERS, "multi-label", "Expected 0 and 1, or -1 and 1, in the array labels"),
        (NUMBERS, "classification", "got 2 columns in which not exactly one is 1. Give task=multi-label"),
        (NUMBERS[:, 0], "classification", "Expected whole numbers"),
    ],
)
def test_labels_that_do_not_fit_a_task_are_refused(tmp_path: Path, labels: Any, task: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        arrays(tmp_path, labels, task=task)


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


@pytest.mark.parametrize("name", ["labels.csv", "attributes.csv"])
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


def test_numbers_beyond_single_precision_are_refused(tmp_path: Path) -> None:
    table(images(tmp_path), NUMBERS * 1e39, "file,x,y")

    with pytest.raises(UsageError, match=r"Expected numbers up to 3e38 in .*labels\.csv, got .*e\+40\. Scale them\."):
        folder(tmp_path)


def test_a_table_of_numbers_is_for_regression_and_may_name_the_splits(tmp_path: Path) -> None:
    def name(index: int) -> str:
        return f"{'test' if index < 6 else 'train'}/{index}.png"

    table(images(tmp_path, name), NUMBERS, "file, x, y", names=name)
    pools = folder(tmp_path)

    assert (pools.task, pools.classes, len(pools.private)) == ("regression", ("x", "y"), 6)
    assert pools.private.labels.sum(0).tolist() == pytest.approx(NUMBERS[:6].sum(0).tolist(), rel=1e-5)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("file,x,y\n0.png,1,cat\n", "Expected numbers in the column 'y' of .*, got 'cat'. Write numbers. Names"),
        ("file,x\n0.png,cat\n1.png,3.5\n2.png,\n", "Expected a value in the column 'x' of .*, got none in line 4"),
        ("file,x\n0.png,cat\n1.png,dog\n", "Expected at least 3 images in"),
        ("file;x\n0.png;1\n", "Expected commas between the columns of .*, got semicolons.* and points in decimal"),
        ("file;x;y\n0.png;1;2\n1.png;1,5;2,5\n", "Expected commas between the columns of .*, got semicolons"),
        ("file\tx\n0.png\t1\n", "Expected commas between the columns of .*, got tabs"),
        ('file,x\n0.png,"1,5"\n1.png,2\n', "Expected points in the decimal numbers in the column 'x' of .*, got '1,5'"),
        ('file,x,y\n0.png,",5",1\n1.png,-2,1\n', "Expected points in the decimal numbers in the column 'x' of .*"),
        ("file,x\n0.png,1\n1.png,\n", "got none in line 3"),
        ("file,x\n0.png,True\n1.png,\n", "got none in line 3"),
        ("file,x\n0.png,cat\n1.png,\n", "Expected a value in the column 'x' .*, got none in line 3"),
        ("file,x\n0.png,1\n1.png,NA\n", "got none in line 3"),
        (f"file,x\n0.png,{10**30}\n1.png,1\n", "Expected numbers of at most 64 bits in the column 'x' .*, got 10000"),
        (
            "file,x\n0.png,1,7\n1.png,2,8\n",
            "Expected a name for each column in the header of .*labels.csv, got too few",
        ),
        ("file,x\n../0.png,1\n", "Expected a path relative to .* in line 2"),
        ("file,x\n0.png,1\n0.png,2\n", "got '0.png' again in line 3"),
        ("0.png,1\n1.png,2\n2.png,4\n", "Expected a header in .*labels.csv, got the image '0.png' in line 1. Write a"),
        ("file\n0.png\n", "got 1 column and 1 line"),
        ("", "Expected a table of labels, got"),
        ("file,x\n0.png,1.5\n1.png,2\n", "Expected at least 3 images in"),
        ("file,x\n0.png,1.5\n1.png,2\n77.png,3\n", "Cannot read the image .*77.png.* Correct its path in .*labels.csv"),
    ],
)
def test_a_table_that_is_not_one_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (images(tmp_path) / "labels.csv").write_text(content)

    with pytest.raises(UsageError, match=words):
        folder(tmp_path)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_table_in_another_encoding_is_refused_with_the_one_to_save_it_in(tmp_path: Path, encoding: str) -> None:
    (images(tmp_path) / "labels.csv").write_text("file,größe\n0.png,1\n", encoding=encoding)

    with pytest.raises(UsageError, match=r"Expected a table in UTF-8, got another encoding in .*labels.csv. Save it"):
        folder(tmp_path)


def test_spaces_around_the_values_of_a_table_are_not_part_of_them(tmp_path: Path) -> None:
    lines = [f"{index}.png , {index / 2} " for index in range(COUNT)]
    (images(tmp_path) / "labels.csv").write_text("\n".join(["file , x", *lines]))

    assert folder(tmp_path).task == "regression"


def test_names_of_classes_among_which_are_numbers_are_said_to_be_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ages = ["31", "42", "unknown"]
    lines = [f"{index}.png,{ages[index % 3]}" for index in range(COUNT)]
    (images(tmp_path) / "labels.csv").write_text("\n".join(["file,age", *lines]))

    assert folder(tmp_path).classes == ("31", "42", "unknown")
    assert "holds names of classes, since 'unknown' is not a number. If numbers such as 31 are to be" in caplog.text


def test_a_task_without_a_table_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Expected a table of labels for task=regression, got none in .*labels.csv"):
        folder(images(tmp_path), task="regression")


@pytest.mark.parametrize("classes", [False, True])
def test_a_table_of_attributes_beside_labels_is_not_what_the_network_is_for(tmp_path: Path, classes: bool) -> None:
    def name(index: int) -> str:
        return f"{'ab'[index % 2]}/{index}.png" if classes else f"{index}.png"

    root = images(tmp_path, name)
    table(root, NUMBERS, "file,age,height", "attributes.csv", names=name)
    if not classes:
        table(root, FLAGS, "file,red,green,blue", names=name)
    pools = folder(root, task="classification" if classes else "auto")

    assert pools.task == ("classification" if classes else "multi-label")
    assert pools.attributes == ("age", "height")
    by_image = {IMAGES[index].transpose(2, 0, 1).tobytes(): NUMBERS[index] for index in range(COUNT)}
    for pool in (pools.train, pools.aux, pools.private):
        assert pool.attributes is not None
        for image, values in zip(pool.images, pool.attributes, strict=True):
            content = (image * 255).round().byte().numpy().tobytes()
            np.testing.assert_allclose(values.numpy(), by_image[content], rtol=1e-6)


def test_other_attributes_are_other_data_and_none_are_the_data_without(tmp_path: Path) -> None:
    table(images(tmp_path), FLAGS, "file,red,green,blue")
    without = disjoint_fingerprint(folder(tmp_path))
    table(tmp_path, NUMBERS, "file,age,height", "attributes.csv")
    one = disjoint_fingerprint(folder(tmp_path))
    table(tmp_path, NUMBERS + 1, "file,age,height", "attributes.csv")

    assert len({without, one, disjoint_fingerprint(folder(tmp_path))}) == 3


def test_an_image_without_a_line_of_attributes_is_named(tmp_path: Path) -> None:
    table(images(tmp_path), FLAGS, "file,red,green,blue")
    (tmp_path / "attributes.csv").write_text("file,age\n0.png,1\n")

    with pytest.raises(UsageError, match=r"Expected a line for each image in .*attributes.csv, got none for '"):
        folder(tmp_path)


@pytest.mark.parametrize(
    ("values", "names", "words"),
    [
        (None, ("age",), "Expected the attributes of train to be"),
        (torch.zeros(COUNT, 2), ("age",), "Give each image a number for each name"),
        (torch.full((COUNT, 1), torch.nan), ("age",), "to be finite, got NaN"),
    ],
)
def test_attributes_that_do_not_fit_their_images_are_refused(
    tmp_path: Path, values: torch.Tensor | None, names: tuple[str, ...], words: str
) -> None:
    pools = arrays(tmp_path, FLAGS)
    some = None if values is None else values[: len(pools.train)]
    given = replace(pools, train=replace(pools.train, attributes=some), attributes=names)

    with pytest.raises(UsageError, match=words):
        validate_pools(given, "x")


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


def test_a_table_of_names_gives_the_classes_as_folders_do(tmp_path: Path) -> None:
    names = ["Zebra", "ant "]
    (images(tmp_path) / "labels.csv").write_text(
        "\n".join(["file,animal", *(f"{index}.png,{names[index % 2]}" for index in range(COUNT))])
    )
    pools = folder(tmp_path)

    assert (pools.task, pools.classes) == ("classification", ("Zebra", "ant"))
    by_image = {IMAGES[index].transpose(2, 0, 1).tobytes(): index % 2 for index in range(COUNT)}
    for pool in (pools.train, pools.aux, pools.private):
        assert pool.labels.unique().tolist() == [0, 1]
        for image, label in zip(pool.images, pool.labels.tolist(), strict=True):
            assert by_image[(image * 255).round().byte().numpy().tobytes()] == label
    assert folder(tmp_path, task="unlabeled").task == "unlabeled"
    with pytest.raises(UsageError, match=r"Expected numbers for task=regression in .*, got names such as 'Zebra'"):
        folder(tmp_path, task="regression")


def test_a_class_may_have_the_name_that_others_give_to_a_missing_value(tmp_path: Path) -> None:
    names = ["None", "NA", "cat"]
    (images(tmp_path) / "labels.csv").write_text(
        "\n".join(["file,animal", *(f"{index}.png,{names[index % 3]}" for index in range(COUNT))])
    )
    assert folder(tmp_path).classes == ("NA", "None", "cat")


def test_a_table_of_whole_numbers_asks_whether_they_are_classes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (images(tmp_path) / "labels.csv").write_text(
        "\n".join(["file,kind", *(f"{index}.png,{index % 3}" for index in range(COUNT))])
    )

    assert folder(tmp_path).task == "regression"
    assert "holds numbers to predict. Give task=classification if they are classes." in caplog.text
    caplog.clear()
    assert folder(tmp_path, task="classification").task == "classification"
    assert not caplog.text


@pytest.mark.parametrize("folders", ["ab", "a"])
@pytest.mark.parametrize("task", ["classification", "unlabeled"])
def test_a_table_comes_before_the_folders_that_its_images_lie_in(tmp_path: Path, folders: str, task: str) -> None:
    def name(index: int) -> str:
        return f"{folders[index % len(folders)]}/{index}.png"

    table(images(tmp_path, name), [[index % 3] for index in range(COUNT)], "file,kind", names=name)
    table(tmp_path, NUMBERS, "file,age,height", "attributes.csv", names=name)
    pools = folder(tmp_path, task=task)

    assert (pools.task, pools.classes) == (task, ("0", "1", "2") if task == "classification" else ())
    assert pools.attributes == ("age", "height")
    assert sum(map(len, (pools.train, pools.aux, pools.private))) == COUNT


@pytest.mark.parametrize(
    "text", ["class,name\na,ant\nb,bee\n", "class,name,kind\na,ant,insect\n", "id|label\n1|2\n", ""]
)
def test_a_table_without_images_leaves_the_classes_to_the_folders(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images(tmp_path, lambda index: f"{'ab'[index % 2]}/{index}.png")
    without = disjoint_fingerprint(folder(tmp_path, task="classification"))
    (tmp_path / "labels.csv").write_text(text)
    pools = folder(tmp_path, task="classification")

    assert (pools.classes, disjoint_fingerprint(pools)) == (("a", "b"), without)
    assert f"Ignored {tmp_path / 'labels.csv'}, since it names no image in {tmp_path}." in caplog.text


@pytest.mark.parametrize(
    "form",
    ['"{name}",{kind}', '"{name}" , {kind}', "{windows},{kind}", "\ufeff{name},{kind}"],
    ids=lambda form: form[:8],
)
def test_a_table_is_read_for_classes_as_for_any_task(
    form: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folders = ("Bread, white", "Bread, rye") if '"' in form else ("white", "rye")

    def name(index: int) -> str:
        return f"{folders[index % 2]}/{index}.png"

    lines = [(name(index), name(index).replace("/", "\\"), index % 3) for index in range(COUNT)]
    mark, line = form[: form.startswith("\ufeff")], form.removeprefix("\ufeff")
    text = "\n".join([f"{mark}file,kind", *(line.format(name=a, windows=b, kind=c) for a, b, c in lines)])
    (images(tmp_path, name) / "labels.csv").write_text(text, encoding="utf-8")

    assert folder(tmp_path, task="classification").classes == ("0", "1", "2")
    assert "Ignored" not in caplog.text


@pytest.mark.parametrize(
    ("text", "encoding", "words"),
    [
        ("file;größe\na/0.png;1\n", "utf-8", "Expected commas between the columns of .*, got semicolons"),
        ("file|kind\na/0.png|1\n", "utf-8", "Expected commas between the columns of .*, got vertical bars"),
        ("file,größe\na/0.png,1\n", "latin-1", "Expected a table in UTF-8, got another encoding"),
        ("file\tgröße\na/0.png\t1\n", "utf-16", "Expected a table in UTF-8, got another encoding"),
        ('"file,kind\na/0.png,1\n', "utf-8", "Expected a table of labels, got"),
        ("a\\0.png,1\nb\\1.png,2\n", "utf-8", "Expected a header in .*, got the image .* in line 1"),
    ],
)
def test_a_table_that_may_name_images_is_refused_rather_than_left_to_the_folders(
    text: str, encoding: str, words: str, tmp_path: Path
) -> None:
    images(tmp_path, lambda index: f"{'ab'[index % 2]}/{index}.png")
    (tmp_path / "labels.csv").write_text(text, encoding=encoding)

    for task in ("classification", "auto"):
        with pytest.raises(UsageError, match=words):
            folder(tmp_path, task=task)
