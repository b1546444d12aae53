"""Suites: built in and written by users."""

from pathlib import Path

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.plan.suite import Suite, built_in, first_line, load_suite, select_parts


@pytest.mark.parametrize("name", built_in())
def test_every_built_in_suite_can_be_read_and_begins_with_a_description(name: str) -> None:
    load_suite(name)

    assert first_line(built_in()[name]).endswith(".")


def test_a_users_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'split = ["conv1", "relu2"]\ndefenses = ["dropout", { name = "dp_ir", sigma = 0.5 }]\nseeds = [1, 2]'
    )

    (suite,) = load_suite(str(path))

    assert suite.split == ["conv1", "relu2"]
    assert suite.defenses == ["dropout", {"name": "dp_ir", "sigma": 0.5}]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("splitt = 3", "splitt=3: .*; a suite has dataset, model, split"),
        ("images = 'many'", "images='many'"),
        ("images = ", "Cannot read the suite"),
        ("seeds = []", "seeds=.*at least 1 item"),
        ("seeds = [-1]", "greater than or equal to 0"),
        ("[options]\nsigma = []", "an option needs at least one value"),
        ("parts = 3", "parts=3; expected tables"),
        ("[[parts]]\nsplitt = 3", "splitt=3: .*; a suite has .*, parts"),
    ],
)
def test_what_no_suite_can_say_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)

    with pytest.raises(UsageError, match=sentence):
        load_suite(str(path))


PARTS = """
images = 8
[[parts]]
dataset = "mnist"
split = ["conv1", "relu2"]
[[parts]]
dataset = { name = "cifar10", aux_images = 500 }
images = 4
"""


@pytest.fixture
def parts(tmp_path: Path) -> list[Suite]:
    path = tmp_path / "mine.toml"
    path.write_text(PARTS)
    return load_suite(str(path))


def test_parts_say_what_differs_from_the_rest_of_the_file(parts: list[Suite]) -> None:
    assert [(part.dataset, part.images) for part in parts] == [
        (["mnist"], 8),
        ([{"name": "cifar10", "aux_images": 500}], 4),
    ]


def test_a_dataset_on_the_command_line_chooses_among_parts(parts: list[Suite]) -> None:
    (part,) = select_parts(parts, {"dataset": ["cifar10:aux_images=9"]})
    assert part == parts[1].model_copy(update={"dataset": ["cifar10:aux_images=9"]})
    assert select_parts(parts, {"images": 2}) == parts
    assert select_parts(parts[:1], {"dataset": ["photos"]}) == parts[:1]
    with pytest.raises(UsageError, match=r"No part of the suite uses --dataset photos. Available: cifar10, mnist"):
        select_parts(parts, {"dataset": ["photos"]})


def test_splits_on_the_command_line_choose_among_parts_and_within_them() -> None:
    parts = [Suite(split=["a", "b"]), Suite(split="b", images=3), Suite(split="c")]

    assert select_parts(parts, {"split": ["b"]}) == [Suite(split=["b"]), Suite(split=["b"], images=3)]
    assert select_parts(parts[:1], {"split": ["z"]}) == parts[:1]
    with pytest.raises(UsageError, match=r"No part of the suite uses --split z,y. Available: a, b, c"):
        select_parts(parts, {"split": ["z", "y"]})
