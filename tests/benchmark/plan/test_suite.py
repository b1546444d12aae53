"""Suites: built in and written by users."""

from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark import registry
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.plan.built_in_suites import built_in, first_line
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.part_choice import select_parts
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.plan.suite import load_suite, requests_of
from mia_bench.benchmark.registry.specs import resolve
from mia_bench.benchmark.registry.sweeps import UnknownOption


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

    assert suite.splits == ["conv1", "relu2"]
    assert suite.defenses == ["dropout", {"name": "dp_ir", "sigma": 0.5}]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("splitt = 3", "Expected one of dataset, model, splits, .*, got 'splitt'. Did you mean 'split'"),
        ('attack = "ridge"', "got 'attack'. Did you mean 'attacks'"),
        ("folder = 3", "got 'folder'. Correct the name or leave it out."),
        ("split = 'a'\nsplits = 'b'", "Expected either split or splits, got both. Leave one out."),
        ("images = 'many'", "Expected images to be a whole number of at least 1, such as 64, got 'many'."),
        ("images = ", "mine.toml: "),
        (
            "seeds = []",
            r"Expected seeds to be one or several whole numbers from 0 to 2\*\*63 - 1, such as 0, got \[\].",
        ),
        (
            "seeds = [-1]",
            r"Expected seeds to be one or several whole numbers from 0 to 2\*\*63 - 1, such as 0, got -1.",
        ),
        ("attacks = [3]", "Expected a name, a table with a name, or a component among the attacks, got 3."),
        ("[options]\nsigma = []", r"Expected at least one value for the option sigma, got \[\]."),
        ("parts = 3", "Expected tables, each written under .*, got parts=3."),
        (
            "[[part]]\nimages = 3",
            "Suite .*mine.toml: Expected one of .*, parts, got 'part'. Did you mean 'parts'",
        ),
        ("[[parts]]\nsplitt = 3", "mine.toml: Expected one of .*, options, split, got 'splitt'."),
        ("[[parts]]\nparts = 3", "mine.toml: Expected one of .*, options, split, got 'parts'."),
        ('defenses = ["d:Reshape"]', "mine.toml: Expected key=value, got 'Reshape' in 'd:Reshape'."),
        ('[[parts]]\n[[parts]]\nattacks = ["./d.py:Reshape"]', "mine.toml, part 2: Expected key=value, got 'Reshape'"),
        ("[[parts]]\nimages = 3\n[[parts]]\nimages = 0", "mine.toml, part 2: Expected images to be .*, got 0."),
        ("attacks = []", r"Expected at least one name in attacks, got \[\]. Leave out attacks for all standard ones."),
        ("defenses = []", "Leave out defenses for all built-in ones, or give undefended for none."),
        ("splits = []", "Leave out splits for the one that each dataset recommends."),
        ("model = []", "Leave out model for the one that each dataset recommends."),
    ],
)
def test_what_no_suite_can_say_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)

    with pytest.raises(UsageError, match=sentence):
        load_suite(str(path))


@pytest.mark.parametrize(
    "model", ["python:build=a:b", "python :build=a:b", " python : build=a:b", "cnn6,python :build=a:b"]
)
def test_a_suite_cannot_name_code_however_it_is_written(model: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"model = '{model}'")

    with pytest.raises(UsageError, match="Expected a suite without code, got the model 'python"):
        load_suite(str(path))


def test_a_suite_cannot_name_code_by_a_model_that_inherits_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("model = 'lenet5'")
    monkeypatch.setattr(registry.load(registry.find("models", "lenet5")), "names_code", True)

    with pytest.raises(UsageError, match="Expected a suite without code, got the model 'lenet5'"):
        load_suite(str(path))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'defenses = [{ name = "dp_ir", sigma = -1 }]',
            "mine.toml, defenses: Invalid parameters .* sigma=-1: input sh",
        ),
        (
            'defenses = [{ name = "dp_ir", sigma = [0.1, 0.5] }]',
            r"mine.toml, defenses: Invalid .* A list of values is a sweep\. .* sigma = \[0.1, 0.5\] under \[options\]",
        ),
        ('attacks = ["rigde"]', "mine.toml, attacks: Unknown attack 'rigde'. Did you mean 'ridge'"),
        ('dataset = { name = "photos", sise = 3 }', "mine.toml, dataset: The dataset 'photos' has no parameter 'sise'"),
        ('[[parts]]\nmodel = "lenet"\n[[parts]]\nimages = 3', "mine.toml, model: Unknown model 'lenet'"),
        ('defenses = ["dp_ir"]\n[options]\nsigma = [-1]', "mine.toml, defenses: Invalid parameters .* sigma=-1: in"),
        ('defenses = ["dp_ir"]\n[options]\nsigam = [1]', "mine.toml, options: No chosen .*--sigam. Did you mean 'sigm"),
        (
            '[[parts]]\ndefenses = ["dp_ir"]\n[parts.options]\nsigma = [0.1]\n'
            '[[parts]]\ndataset = "mnist"\ndefenses = ["topk"]\n[parts.options]\nsigma = [0.5]',
            "mine.toml, part 2, options: No chosen attack or defense has the option --sigma",
        ),
        (
            '[[parts]]\ndefenses = ["dp_ir"]\n[[parts]]\ndefenses = ["dp_ir:sigma=1"]\n[parts.options]\nsigma = [0.5]',
            "mine.toml, part 2, options: .* but dp_ir sets it itself",
        ),
        ('defenses = ["dp_ir"]\n[options]\nseeds = [1]', r"mine.toml: Expected seeds above \[options\], got it below"),
    ],
)
def test_a_wrong_component_of_a_suite_is_refused_with_the_file_and_the_field(
    text: str, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)

    with pytest.raises(UsageError, match=sentence):
        requests_of(str(path), Request(images=2))


def test_a_wrong_component_that_is_replaced_is_not_the_suites(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('attacks = ["ridge"]\ndefenses = [{ name = "dp_ir", sigma = -1 }]')

    for given in (Request(defenses="dp_ir:sigma=1"), Request(options={"sigma": [1]})):
        cells = plan(*requests_of(str(path), given))
        assert {getattr(cell.setting.defense.component, "sigma", None) for cell in cells} == {None, 1.0}


def test_options_of_components_that_are_replaced_or_left_out_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('attacks = ["ridge"]\ndefenses = ["dp_ir", "dropout"]\n[options]\nsigma = [0.1]\nrate = [0.5]')

    (request,) = requests_of(str(path), Request(defenses="dropout"))
    assert request.options == {"rate": [0.5]}
    (request,) = requests_of(str(path), Request(defenses="tee"))
    assert [cell.setting.defense.label for cell in plan(request)[::2]] == ["undefended", "tee"]
    with pytest.raises(UnknownOption, match="--sigma"):
        plan(*requests_of(str(path), Request(defenses="tee", options={"sigma": [1]})))

    path.write_text('[options]\nsigma = [2]\n[[parts]]\ndataset = "mnist"\n[[parts]]\ndefenses = "tee"')
    (request,) = requests_of(str(path), Request(dataset="photos"))
    assert request.options == {}


def test_options_of_a_part_are_joined_with_those_for_all_parts(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        "[options]\nobservations = [1, 4]\nsigma = [1]\n"
        '[[parts]]\ndefenses = "dp_ir"\n[parts.options]\nsigma = [0.3]\n[[parts]]\ndefenses = "dp_input"'
    )

    first, second = load_suite(str(path))

    assert first.options == {"observations": [1, 4], "sigma": [0.3]}
    assert second.options == {"observations": [1, 4], "sigma": [1]}


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
def parts(tmp_path: Path) -> list[Request]:
    path = tmp_path / "mine.toml"
    path.write_text(PARTS)
    return load_suite(str(path))


def test_parts_say_what_differs_from_the_rest_of_the_file(parts: list[Request]) -> None:
    assert [(part.dataset, part.images) for part in parts] == [
        (["mnist"], 8),
        ([{"name": "cifar10", "aux_images": 500}], 4),
    ]


def test_a_dataset_on_the_command_line_chooses_among_parts(parts: list[Request]) -> None:
    (part,) = select_parts(parts, Request(dataset=["cifar10:aux_images=9"]))
    assert part == parts[1].model_copy(update={"dataset": ["cifar10:aux_images=9"]})
    assert select_parts(parts, Request(images=2)) == parts
    assert select_parts(parts[:1], Request(dataset=["photos"])) == parts[:1]
    with pytest.raises(UsageError, match=r"uses --dataset photos. Available: cifar10:aux_images=500, mnist"):
        select_parts(parts, Request(dataset=["photos"]))


def test_a_component_chooses_those_that_have_its_parameters_and_keeps_their_others() -> None:
    networks = [f"torchvision:name={name},head=keep" for name in ("resnet18", "vgg11")]
    parts = [Request(model=networks), Request(model=networks[1], images=3), Request(dataset="mnist")]

    (part,) = select_parts(parts, Request(model={"name": "torchvision", "params": {"name": "resnet18"}}))
    assert part.model == [networks[0]]
    assert [part.model for part in select_parts(parts, Request(model="torchvision"))] == [networks, networks[1:]]
    with pytest.raises(UsageError, match=r"--model torchvision:name=alexnet. Available: lenet5, torchvision"):
        select_parts(parts, Request(model="torchvision:name=alexnet"))


def test_a_part_without_models_has_the_recommended_ones_of_its_datasets() -> None:
    parts = [Request(dataset=["mnist", "cifar10"]), Request(dataset="mnist", model="resnet")]

    (part,) = select_parts(parts, Request(model="lenet5"))
    assert (part.dataset, part.model) == (["mnist"], ["lenet5"])
    (part,) = select_parts(parts, Request(model="resnet"))
    assert part == parts[1]


def test_splits_on_the_command_line_choose_among_parts_and_within_them() -> None:
    parts = [Request(split=["a", "b"]), Request(split="b", images=3), Request(split="c")]

    assert select_parts(parts, Request(split=["b"])) == [Request(split=["b"]), Request(split=["b"], images=3)]
    assert select_parts(parts[:1], Request(split=["z"])) == parts[:1]
    with pytest.raises(UsageError, match=r"No part of the suite uses --split z,y. Available: a, b, c"):
        select_parts(parts, Request(split=["z", "y"]))


def test_splits_may_be_patterns_on_the_command_line_and_in_the_suite() -> None:
    parts = [Request(split=["relu1", "relu2", "fc1"]), Request(split="stage*"), Request(split="all", images=3)]

    def splits(*wanted: str) -> list[list[str]]:
        return [part.splits for part in select_parts(parts, Request(split=list(wanted)))]

    assert splits("relu*") == [["relu1", "relu2"], ["relu*"]]
    assert splits("stage2") == [["stage2"], ["stage2"]]
    assert splits("all") == [["relu1", "relu2", "fc1"], ["stage*"], ["all"]]


def test_a_part_without_splits_has_the_recommended_ones_of_its_datasets() -> None:
    parts = [Request(dataset=["mnist", "photos"]), Request(dataset="mnist", split="fc1")]

    assert select_parts(parts, Request(split=["relu1"])) == [Request(dataset=["photos"])]
    with pytest.raises(UsageError, match=r"uses --split z\. Available: fc1, relu1, relu2\."):
        select_parts(parts, Request(split=["z"]))


@pytest.mark.parametrize("defense", ['"dp_ir:sigma=0.3,clip=2"', '{name = "dp_ir", params = {sigma = 0.3, clip = 2}}'])
def test_options_beside_a_suite_win_however_its_components_are_written(defense: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(f'dataset = "photos"\nattacks = ["ridge"]\ndefenses = [{defense}]\n')

    (request,) = requests_of(str(path), Request(options={"sigma": [0.7], "name": [1]}))

    (spec,) = request.defenses
    assert resolve("defenses", *as_pair(spec)).component.model_dump()["sigma"] != 0.3
    assert resolve("defenses", *as_pair(spec)).component.model_dump()["clip"] == 2


def as_pair(spec: Any) -> tuple[str, dict[str, Any]]:
    params = {key: value for key, value in spec.items() if key not in ("name", "params")}
    return spec["name"], {**params, **spec.get("params", {})}
