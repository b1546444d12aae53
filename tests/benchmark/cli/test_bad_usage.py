"""Bad input on the command line gets one sentence and exit code 2."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from mia_bench.benchmark.cli import app
from typer.main import get_command

from ...helpers.commands import mia_bench, run

WRONG = {
    "unknown defense": (["--defense", "dp_irr"], "Unknown defense 'dp_irr'. Did you mean 'dp_ir'?"),
    "unknown attack": (["--attack", "rigde"], "Unknown attack 'rigde'. Did you mean 'ridge'?"),
    "parameter without a colon": (
        ["--attack", "ridge,observations=4"],
        "got 'observations=4'. Write parameters behind a colon, as in ridge:observations=4",
    ),
    "unknown dataset": (["--dataset", "minst"], "Unknown dataset 'minst'. Did you mean 'mnist'?"),
    "unknown model": (["--model", "lenet"], "Unknown model 'lenet'. Did you mean 'lenet5'?"),
    "misspelt option": (["--defense", "dp_ir", "--sigam", "0.1"], "option --sigam. Did you mean 'sigma'?"),
    "misspelt own option": (["--imags", "3"], "option --imags. Did you mean '--images'?"),
    "option of another defense": (["--defense", "dropout", "--sigma", "0.1"], "option --sigma"),
    "negative sigma": (["--defense", "dp_ir", "--sigma", "-1"], "sigma=-1: input should be greater than or equal to 0"),
    "sigma nan": (["--defense", "dp_ir", "--sigma", "nan"], "sigma=nan: input should be a finite number"),
    "sigma text": (["--defense", "dp_ir", "--sigma", "much"], "sigma=much: input should be a valid number"),
    "sigma without a value": (
        ["--defense", "dp_ir", "--sigma", "--dry-run"],
        "Expected a value of --sigma, got none. Write --sigma VALUE.",
    ),
    "sigma and epsilon": (["--defense", "dp_ir", "--sigma", "1", "--epsilon", "1"], "sigma=1.0 and epsilon=1.0"),
    "unknown split": (["--split", "conv7"], "Unknown split 'conv7'. Choose one of the layers: conv1, relu1"),
    "images too small for the model": (
        ["--dataset", "imagefolder:size=10"],
        "Expected a model for the (3, 10, 10) images of imagefolder:size=10, got lenet5",
    ),
    "underscores": (["--dry_run"], "Expected --dry-run, which is an option of run, got 'dry_run'."),
    "jobs": (["--jobs", "0"], "Expected jobs to be a whole number of at least 1, such as 2, got 0."),
    "jobs in words": (["--jobs", "two"], "Expected jobs to be a whole number of at least 1, such as 2, got 'two'."),
    "no value": (["--out"], "Option '--out' requires an argument."),
    "device": (["--device=tpu"], "Expected device to be auto, cpu or cuda, got 'tpu'."),
    "seed in words": (["--seed", "0,one"], "Expected whole numbers for the seeds, got 'one'"),
    "negative seed": (
        ["--seed", "-1"],
        "Expected seeds to be one or several whole numbers from 0 to 2**63 - 1, such as 0, got -1.",
    ),
    "no images": (["--images", "0"], "Expected images to be a whole number of at least 1, such as 64, got 0."),
    "too many images": (
        ["--images", "1000"],
        "Expected images to be at most 24, the private images of imagefolder, got 1000. Choose at most as many, or",
    ),
    "network without its kind": (
        ["--model", "resnet18"],
        "Write a network of torchvision as torchvision:name=resnet18.",
    ),
    "ONNX file without its kind": (["--model", "net.onnx"], "Write a network in a file as onnx:path=net.onnx."),
    "weights without a network": (["--model", "w.pth"], "as in torchvision:name=resnet18,weights=w.pth."),
    "arrays without their kind": (["--dataset", "a.npz"], "Write a file of arrays as npz:path=a.npz."),
    "folder without its kind": (["--dataset", "/tmp"], "as --dataset imagefolder --data-dir /tmp."),
    "no dataset": (["--dataset", ""], "Unknown dataset ''. Available:"),
    "split of another model": (
        ["--split", "relu22"],
        "Unknown split 'relu22'. Choose one of the layers: conv1, relu1, pool1, ",
    ),
    "missing parameter": (
        ["--dataset", "npz"],
        "Expected the parameter 'path' of the dataset 'npz', got none. Write it as in npz:path=VALUE.",
    ),
    "unknown name in a parameter": (["--model", "torchvision:name=resnet"], "Did you mean 'resnet50'? Give"),
    "no data": (["--data-dir", "/nowhere"], "/nowhere"),
    "empty path": (["--out", ""], "Expected --out to be a path, got an empty text. Give a path, or leave it out."),
    "no cuda": (["--device", "cuda"], "torch finds no CUDA device"),
    "unknown suite": (["quikc"], "Unknown suite 'quikc'. Did you mean 'quick'?"),
    "class in place of a name": (
        ["--defense", "my_noise:MyNoise"],
        "got 'MyNoise' in 'my_noise:MyNoise'. Write it as in my_noise:key=value,key=value. A class that is not",
    ),
    "parameter without value": (["--defense", "dp_ir:sigma"], "Expected key=value, got 'sigma' in 'dp_ir:sigma'."),
    "unknown parameter": (["--defense", "dp_ir:sgima=1"], "has no parameter 'sgima'. Did you mean 'sigma'?"),
}


@pytest.mark.parametrize(("words", "sentence"), WRONG.values(), ids=WRONG)
def test_bad_usage_gets_one_sentence_and_exit_code_2(
    words: list[str], sentence: str, tree: Path, tmp_path: Path
) -> None:
    if "cuda" in words and torch.cuda.is_available():
        pytest.skip("this machine has CUDA")

    result = run(tree, tmp_path / "results", *words)

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list((tmp_path / "results").rglob("*.json"))


def test_an_out_that_is_a_file_is_refused_and_the_file_kept(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("precious")

    result, dry = (run(tree, tmp_path / "results", *words) for words in ([], ["--dry-run"]))

    assert (result.exit_code, dry.exit_code) == (2, 2)
    assert f"Expected out to be a folder, which need not exist, got the file {tmp_path / 'results'}." in result.stderr
    assert (tmp_path / "results").read_text() == "precious"


@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_parameter_that_turns_out_wrong_during_the_run_gets_one_sentence_and_exit_code_2(
    jobs: str, tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"

    result = run(tree, out, "--defense", "deeper_client:to=nosuch", "--attack", "ridge", "--jobs", jobs)

    assert result.exit_code == 2
    assert "Unknown layer 'nosuch' in to. Choose one of the layers: conv1" in result.stderr
    assert "Traceback" not in result.stderr
    assert (out / "leaderboard.csv").exists()


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "\x00\x01", None])
def test_a_file_that_is_no_leaderboard_is_refused_by_rank(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    if content is not None:
        path.write_text(content)

    result = mia_bench("rank", path)

    assert result.exit_code == 2
    assert str(path) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("kind", ["empty folder", "missing"])
def test_audit_of_what_is_no_result_is_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    result = mia_bench("audit", tmp_path if kind == "empty folder" else tmp_path / "nothing")

    assert result.exit_code == 2
    assert str(tmp_path) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["rank", "status", "audit", "report", "submit", "rate"])
def test_a_path_that_the_file_system_refuses_is_named_in_a_sentence(command: str) -> None:
    result = mia_bench(command, "a" * 5000)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: Cannot use 'aaa")
    assert result.stderr.endswith(": File name too long. Check the path, its permissions and the free space.\n")


def test_a_quoted_error_ends_its_sentence_once(tree: Path, tmp_path: Path) -> None:
    words = ["--dataset", "imagefolder:size=16", "--model", "lenet5", "--data-dir", tree, "--out", tmp_path / "out"]
    stderr = mia_bench("run", *words, "--attack", "ridge").stderr
    assert "fc2, relu4, fc3. See `mia-bench show lenet5`." in stderr


@pytest.mark.parametrize(
    ("words", "name"), [(("rank", "{path}"), "CSV|DIR"), (("run", "--data-dir", "{path}"), "--data-dir")]
)
def test_a_path_that_only_another_user_may_read_is_named_with_the_cause(
    words: tuple[str, ...], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    result = mia_bench(*(word.format(path=tmp_path) for word in words))

    assert (result.exit_code, result.stderr.splitlines()) == (
        2,
        [f"Error: Cannot use {name}: path '{tmp_path}' is not readable. Check its permissions."],
    )


COMMANDS: Any = get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]
WITH_PATHS = [
    (name, each)
    for name, command in COMMANDS.items()
    for each in command.params
    if "pathlib.Path" in str(each.type_descriptor)
]


def test_commands_have_options_and_arguments_with_paths() -> None:
    assert {("merge", "out"), ("merge", "folders"), ("compare", "b"), ("rate", "ratings"), ("run", "data_dir")} <= {
        (command, each.name) for command, each in WITH_PATHS
    }


@pytest.mark.parametrize(("command", "param"), WITH_PATHS, ids=lambda each: getattr(each, "name", each))
def test_an_empty_path_is_refused_by_every_command(
    command: str, param: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if not param.opts[0].startswith("-"):
        before = ["a"] * [each.name for each in COMMANDS[command].params].index(param.name)
        ways = {param.metavar.removesuffix("..."): [*before, ""]}
        if param.nargs == -1:
            ways |= {f"{name} ": ["a", ""] for name in ways}
    else:
        ways = {name: [name, ""] for name in param.opts} | {f"{param.opts[0]} ": [f"{param.opts[0]}="]}
    for name, words in ways.items():
        result = mia_bench(command, *words)
        sentence = f"Error: Expected {name.strip()} to be a path, got an empty text. Give a path"
        assert (result.exit_code, result.stdout, result.stderr[: len(sentence)]) == (2, "", sentence)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [("submit", "x", "--title", ""), ("show", "")])
def test_an_empty_text_that_is_no_path_is_not_taken_for_one(words: tuple[str, ...]) -> None:
    assert "to be a path" not in mia_bench(*words).stderr
