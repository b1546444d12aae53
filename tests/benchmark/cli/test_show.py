"""`mia-bench show` of models: all cuts with shapes, bytes, multiplications and parameters."""

from pathlib import Path

import pytest
import torch
from mia_bench.benchmark.cli import app
from mia_bench.defenses.dp_ir import DpIr
from torchvision.models import squeezenet1_1
from typer.testing import CliRunner


def show(*words: str) -> list[list[str]]:
    result = CliRunner().invoke(app, ["show", *words])
    assert result.exit_code == 0, result.output
    lines = result.output.partition("cuts = split points")[2].splitlines()
    return [line.split() for line in lines if line]


def test_it_lists_the_cuts_of_a_network_with_shapes_bytes_and_macs() -> None:
    lines = show("torchvision:name=squeezenet1_1", "--image", "3x32x32")
    cuts = {line[0]: line[1:5] for line in lines[2:]}
    first = 64 * 15 * 15
    assert cuts["features.0"] == ["64x15x15", f"{4 * first}", f"{first * 27}", f"{64 * 27 + 64}"]
    assert list(cuts)[-1] == "flatten"
    assert cuts["flatten"][0] == "1000"
    assert cuts["flatten"][3] == "1235496"  # as torchvision publishes it


def test_it_lists_a_network_for_the_classes_that_its_weights_have(tmp_path: Path) -> None:
    torch.save(squeezenet1_1(num_classes=7).state_dict(), tmp_path / "w.pth")
    lines = show(f"torchvision:name=squeezenet1_1,weights={tmp_path / 'w.pth'}", "--image", "3x32x32")
    assert lines[-1][:2] == ["flatten", "7"]


def test_built_in_models_are_listed_in_the_same_way() -> None:
    (conv1, *_) = show("lenet5", "--image", "1x28x28")[2:]
    assert conv1[:5] == ["conv1", "8x24x24", f"{4 * 8 * 24 * 24}", f"{24 * 24 * 8 * 25}", f"{8 * 26}"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["torchvision:name=resnet99"], "expected a classification network of torchvision"),
        (["dp_ir:sigma=abc"], "Invalid parameters of the defense 'dp_ir': sigma=abc: input should be a valid number"),
        (["ridge:sigma=1"], "The attack 'ridge' has no parameter 'sigma'."),
        (["lenet5", "--image", "28x28"], "Expected the shape of an image, such as 3x64x64, got '28x28'."),
        (["lenet5", "--image", "²x28x28"], "Expected the shape of an image, such as 3x64x64, got '²x28x28'."),
        (["lenet5", "--image", f"1x28x{'9' * 5000}"], "Expected the shape of an image, such as 3x64x64, got"),
        (["torchvision:name=squeezenet1_1", "--image", "1x28x28"], "Expected images with 3 channels"),
        (
            ["undefended", "--image", "3x32x32"],
            "Expected --image only for a model, got it for 'undefended'. Leave it out.",
        ),
        (["quick", "--image", "3x32x32"], "Expected --image only for a model, got it for 'quick'. Leave it out."),
        (["lenet5", "--image", "3x64"], "Expected the shape of an image, such as 3x64x64, got '3x64'."),
        (["python:build=no_such_package:network"], "Expected a module that can be imported, got no_such_package"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_sentence(words: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, ["show", *words])
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())


@pytest.mark.parametrize("words", [["lenet5", "--image", "3x64"], ["undefended", "--image", "3x32x32"]])
def test_nothing_is_shown_before_a_refused_image(words: list[str]) -> None:
    assert CliRunner().invoke(app, ["show", *words]).stdout == ""


def test_a_component_whose_docstring_was_removed_is_shown_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DpIr, "__doc__", None)  # as by PYTHONOPTIMIZE=2

    first, *rest = CliRunner().invoke(app, ["show", "dp_ir"]).stdout.splitlines()

    assert first.startswith("defense dp_ir")
    assert next(line for line in rest if line).startswith("guarantee: ")


def test_a_suite_is_shown_with_its_title_parts_and_number_of_cells() -> None:
    result = CliRunner().invoke(app, ["show", "quick"])

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("suite quick  (1 part, 12 cells)\n")
    assert "# A short suite: one noise defense" in result.stdout
    assert 'dataset = "photos"' in result.stdout
    assert "mia-bench run quick" in result.stdout


@pytest.mark.parametrize(("image", "told"), [("1x1x20", True), ("1x7x20", False)])
def test_images_that_run_refuses_are_named_below_the_cuts(
    image: str, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = "nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, 5))"
    (tmp_path / f"{tmp_path.name}.py").write_text(f"from torch import nn\n\ndef build():\n    return {network}\n")
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(app, ["show", f"python:build={tmp_path.name}:build", "--image", image])

    assert result.exit_code == 0, result.output
    assert ("Images of less than 7x7 pixels cannot be run" in " ".join(result.stdout.split())) == told


@pytest.mark.parametrize("statistics", ["value - value.mean(0)", "nn.BatchNorm2d(3, track_running_stats=False)(value)"])
def test_a_network_whose_outputs_depend_on_other_images_is_refused_as_everywhere(
    statistics: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{tmp_path.name}.py").write_text(f"""
from torch import nn

class Layer(nn.Module):
    def forward(self, value):
        return {statistics}

def build():
    return nn.Sequential(Layer(), nn.Flatten(), nn.Linear(192, 5))
""")
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(app, ["show", f"python:build={tmp_path.name}:build", "--image", "3x8x8"])

    assert result.exit_code == 2
    assert "Expected outputs of an image that do not depend on the images beside it" in " ".join(result.stderr.split())


def test_a_network_without_a_name_says_so_where_its_cuts_would_be() -> None:
    assert "Expected the name of a network" in " ".join(map(" ".join, show("torchvision")))


@pytest.mark.parametrize(("kind", "name"), [("models", "module"), ("datasets", "arrays")])
def test_the_list_marks_what_no_command_can_use(kind: str, name: str) -> None:
    lines = CliRunner().invoke(app, ["list", kind], catch_exceptions=False).stdout.splitlines()

    assert [line.split()[0] for line in lines if line.endswith("Python only.")] == [name]


@pytest.mark.parametrize("words", [("list", "attacks"), ("show", "query_free")])
def test_code_in_a_docstring_has_single_backticks_on_the_terminal(words: tuple[str, ...]) -> None:
    printed = CliRunner().invoke(app, [*words], catch_exceptions=False).stdout

    assert "`" in printed
    assert "``" not in printed


@pytest.mark.parametrize(("given", "parameters"), [("", "56"), ("torch.manual_seed(0)", "54")])
def test_the_parameters_are_those_of_a_run_which_gives_untrained_convolutions_a_bias(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, parameters: str
) -> None:
    (tmp_path / f"{tmp_path.name}.py").write_text(f"""
import torch
from torch import nn

def build():
    {given or "pass"}
    return nn.Sequential(nn.Conv2d(3, 2, 3, bias=False), nn.GroupNorm(1, 2, affine=False), nn.Flatten())
""")
    monkeypatch.chdir(tmp_path)

    printed = CliRunner().invoke(app, ["show", f"python:build={tmp_path.name}:build", "--image", "3x16x16"]).stdout

    assert parameters in next(line for line in printed.splitlines() if line.strip().startswith("0 ")).split()
