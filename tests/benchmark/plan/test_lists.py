"""Commas in texts: the same on the command line, in TOML and in Python."""

from pathlib import Path

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.lists import list_names, list_seeds, list_specs, list_values
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.plan.suite import load_suite, requests_of


@pytest.mark.parametrize(
    ("given", "specs"),
    [
        ("ridge", ["ridge"]),
        ("ridge, white_box", ["ridge", "white_box"]),
        ("dp_ir:sigma=0.1,delta=1e-6", ["dp_ir:sigma=0.1,delta=1e-6"]),
        ("dp_ir:sigma=0.1,delta=1e-6,dropout", ["dp_ir:sigma=0.1,delta=1e-6", "dropout"]),
        ("dropout,dp_ir:sigma=0.1,topk:share=0.1", ["dropout", "dp_ir:sigma=0.1", "topk:share=0.1"]),
        ("x:sizes=[1,2],y", ["x:sizes=[1,2]", "y"]),
        ('x:path="a,b",y', ['x:path="a,b"', "y"]),
        ("python:build=module:function,labels=2", ["python:build=module:function,labels=2"]),
        (["ridge,pinv", {"name": "nearest"}], ["ridge", "pinv", {"name": "nearest"}]),
        ({"name": "nearest"}, [{"name": "nearest"}]),
    ],
)
def test_a_comma_starts_the_next_component_or_parameter(given: object, specs: list[object]) -> None:
    assert list_specs(given) == specs


def test_parameters_without_a_colon_are_refused() -> None:
    with pytest.raises(UsageError, match=r"Expected a name, got 'observations=2'.*as in ridge:observations=2"):
        list_specs("ridge,observations=2")


def test_names_seeds_and_values_are_divided_alike() -> None:
    assert list_names(["relu1,relu2", "fc1"]) == ["relu1", "relu2", "fc1"]
    assert list_seeds("0,1") == list_seeds([0, "1"]) == [0, 1]
    assert list_values("0.1,0.5") == ["0.1", "0.5"]
    assert list_values("pool2") == ["pool2"]
    assert list_values(["a,b"]) == ["a,b"]
    assert list_values(3) == [3]


def test_a_suite_and_the_command_line_make_the_same_cells(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    lists = {"dataset": "photos,photos:size=16", "model": "lenet5", "split": "relu1,conv1", "seeds": "0,1"}
    lists |= {"attacks": "ridge,pinv", "defenses": "dp_ir:delta=1e-6,clip=1,dropout"}
    path.write_text("".join(f"{key} = '{value}'\n" for key, value in lists.items()) + "[options]\nsigma = '0.1,0.5'\n")

    written = plan(*requests_of(str(path), Request()))
    given = plan(Request(**lists, options={"sigma": "0.1,0.5"}))

    assert written == given
    assert len(given) == 2 * 2 * 2 * 4 * 3


def test_a_list_of_datasets_chooses_among_the_parts_of_a_suite(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text("".join(f"[[parts]]\ndataset = '{name}'\n" for name in ("photos", "mnist", "cifar10")))

    chosen = requests_of(str(path), Request(dataset="photos:size=16,cifar10"))

    assert [each.dataset for each in chosen] == [["photos:size=16"], ["cifar10"]]


def test_a_wrong_seed_in_a_suite_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text('seeds = "0,x"\n')

    with pytest.raises(UsageError, match=r"suite.toml: Expected whole numbers for the seeds, got 'x'"):
        load_suite(str(path))
