"""One declaration of a request: the same mistakes get the same sentences in TOML, on the command line and in Python."""

from pathlib import Path
from typing import Any

import mia_bench
import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.runner.options import RunOptions
from mia_bench.defenses.dp_ir import DpIr

from ...hostile.answers import refusal

MISTAKES = {
    "images": (0, "Expected images to be a whole number of at least 1, such as 64, got 0."),
    "seeds": (-1, "Expected seeds to be one or several whole numbers from 0 to 2**63 - 1, such as 0, got -1."),
    "attacks": ("rigde", "Unknown attack 'rigde'. Did you mean 'ridge'?"),
    "dataset": ("dp_ir:a", "Expected key=value, got 'a' in 'dp_ir:a'."),
}
OPTIONS = {"seeds": "--seed", "attacks": "--attack"}


@pytest.mark.parametrize("field", MISTAKES)
def test_a_mistake_gets_the_same_sentence_wherever_it_is_made(field: str, tmp_path: Path) -> None:
    value, sentence = MISTAKES[field]
    path = tmp_path / "suite.toml"
    path.write_text(f"{field} = {value!r}\n")

    with pytest.raises(UsageError) as python:
        mia_bench.run(**{field: value}, out=tmp_path / "out")
    toml = refusal("run", path, "--dry-run", "--out", tmp_path / "out")
    command_line = refusal("run", f"{OPTIONS.get(field, f'--{field}')}={value}", "--dry-run", "--out", tmp_path / "out")

    for answer in (str(python.value), toml, command_line):
        assert sentence in answer


def test_a_mistake_in_the_options_gets_the_same_sentence_in_python_and_on_the_command_line(tmp_path: Path) -> None:
    sentence = "Expected cell_timeout to be a number of seconds of at least 0.001, got -2."

    with pytest.raises(UsageError, match=sentence):
        RunOptions(cell_timeout=-2)
    assert sentence in refusal("run", "--cell-timeout", "-2", "--out", tmp_path / "out")


def test_none_stands_for_a_field_that_is_left_out() -> None:
    request = Request(**dict.fromkeys(("model", "split", "attacks", "defenses", "images")), dataset="mnist")

    assert request == Request(dataset="mnist")
    assert request.model_fields_set == {"dataset"}


def test_one_and_several_values_and_components_are_the_same_request() -> None:
    short: dict[str, Any] = {"attacks": "ridge", "split": "relu1", "seeds": "0,1", "defenses": DpIr(sigma=0.5)}

    one = Request(**short, options={"clip": 1.0})

    assert one == Request(
        attacks=["ridge"],
        splits=["relu1"],
        seeds=[0, 1],
        defenses=[{"name": "dp_ir", "sigma": 0.5}],
        options={"clip": [1.0]},
    )
    assert one.model_fields_set == {"attacks", "splits", "seeds", "defenses", "options"}
