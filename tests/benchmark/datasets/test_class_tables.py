"""Tables of classes beside a folder of images, and the classes that its folders name."""

from pathlib import Path

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.utils.fingerprints import disjoint_fingerprint

from .labeled_images import COUNT, IMAGES, NUMBERS, folder, images, table


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


def test_names_of_classes_among_which_are_numbers_are_said_to_be_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ages = ["31", "42", "unknown"]
    lines = [f"{index}.png,{ages[index % 3]}" for index in range(COUNT)]
    (images(tmp_path) / "labels.csv").write_text("\n".join(["file,age", *lines]))

    assert folder(tmp_path).classes == ("31", "42", "unknown")
    assert "holds names of classes, since 'unknown' is not a number. If numbers such as 31 are to be" in caplog.text


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
    assert f"Ignored {tmp_path / 'labels.csv'}, since its first column names no image in {tmp_path}." in caplog.text


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
