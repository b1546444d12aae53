"""The scripts in ``performance``: each runs on tiny data, and what they count by is right."""

import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn

from .helpers.brief import shorten_training
from .helpers.trees import image_tree

SCRIPTS = Path(__file__).parents[1] / "performance"
Run = Callable[..., str]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    monkeypatch.syspath_prepend(SCRIPTS)
    return lambda name: runpy.run_path(str(SCRIPTS / f"{name}.py"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.syspath_prepend(SCRIPTS)
    tree = image_tree(tmp_path / "images", train=12, test=4)
    small = ["--dataset", "imagefolder:size=16", "--model", "lenet5", "--split", "relu2", "--images", "3"]

    def main(name: str, *words: str) -> str:
        path = str(SCRIPTS / f"{name}.py")
        monkeypatch.setattr(sys, "argv", [path, *small, "--data-dir", str(tree), *words])
        runpy.run_path(path, run_name="__main__")
        return capsys.readouterr().out

    return main


@pytest.mark.slow
def test_white_box_compares_every_setting_with_the_published_procedure(run: Run) -> None:
    specs = ["white_box:iterations=4", "white_box:iterations=2,tv=0.1"]

    out = run("white_box", "--published-steps", "3", "--repeats", "2", "--ours", *specs)

    assert re.findall(r"^\| (\S+)", out, re.MULTILINE) == ["attack", "published,", *specs]
    assert re.findall(r"^(\S+): [\d.]+ times", out, re.MULTILINE) == specs


@pytest.mark.slow
def test_black_box_tells_what_each_quality_took_both(run: Run) -> None:
    out = run("black_box", "--published-steps", "4", "--every", "2", "--first", "4", "--most", "4")

    assert out.count("| published, ") == 2
    assert out.count("| black_box, ") == 1
    assert re.search(r"^\| [\d.]+ dB \| .* CPU-s\) \| ", out, re.MULTILINE)


@pytest.mark.slow
def test_grid_divides_its_time_among_the_kinds_of_work_and_runs_cells_alone(run: Run) -> None:
    out = run("grid", "--attacks", "ridge", "--defenses", "dp_ir:sigma=0.1", "--alone", "1", "--jobs", "1")

    assert "4 cells, 3 images" in out
    shares = dict(re.findall(r"^  (.+?) +[\d.]+ CPU-s +([\d.]+) %$", out, re.MULTILINE))
    assert set(shares) == {
        "data",
        "training",
        "protecting and sending",
        "attacking",
        "scoring",
        "bounds",
        "the harness",
    }
    assert sum(map(float, shares.values())) == pytest.approx(100, abs=0.5)
    assert "1 of 4 cells alone" in out


@pytest.mark.slow
def test_time_and_memory_are_told_by_attack_and_number_of_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    tree = image_tree(tmp_path / "images", train=12, test=4)
    words = ["--dataset", "imagefolder:size=16", "--data-dir", str(tree), "--images", "2", "--attacks", "mean_image"]
    words += ["--model", "lenet5", "--split", "relu1"]
    monkeypatch.setattr(sys, "argv", ["memory.py", *words])

    runpy.run_path(str(SCRIPTS / "memory.py"), run_name="__main__")

    head, _, row = capsys.readouterr().out.splitlines()
    assert head == "| attack | 2 images |"
    assert re.fullmatch(r"\| `mean_image` \| [\d.]+ s, [1-9]\d{2,3} MiB \|", row)


@pytest.mark.slow
def test_client_ms_is_compared_over_runs_for_each_cut(run: Run) -> None:
    out = run("client_ms", "--runs", "2", "--split", "relu1", "fc1")

    assert re.findall(r"^\| (\w+) +\|", out, re.MULTILINE) == ["split", "relu1", "fc1"]
    assert re.search(r"Largest spread: [\d.]+ % by the clock, [\d.]+ % of the processor", out)


@pytest.mark.slow
def test_search_batch_times_each_count_of_images_for_each_cut(run: Run) -> None:
    out = run("search_batch", "--split", "relu1", "fc1", "--counts", "1", "4", "--images", "8")

    heads, _, *rows = [line.strip("|").split("|") for line in out.splitlines() if line.startswith("|")]
    assert [head.strip() for head in heads] == ["split", "numbers", "1 at a time, ms", "4 at a time, ms", "chosen"]
    assert [row[0].strip() for row in rows] == ["relu1", "fc1"]
    assert all(float(number) > 0 for row in rows for number in row[1:])


def test_a_scene_without_a_named_model_has_the_one_of_its_dataset(
    script: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIA_BENCH_CACHE", str(tmp_path / "cache"))
    shorten_training(monkeypatch)
    measuring = script("measuring")
    tree = image_tree(tmp_path / "images", train=12, test=4)
    words = ["--dataset", "imagefolder:size=16", "--data-dir", str(tree)]

    stage = measuring["scene"](measuring["setting_options"](None, images=3).parse_args(words))

    assert stage.setting.model.label == "cnn6"


def test_the_spread_is_the_range_in_percent_of_the_median(script: Callable) -> None:
    summary = script("client_ms")["summary"]

    frame = summary([{"fc1": [1.0, 2.0]}, {"fc1": [1.1, 2.0]}, {"fc1": [0.9, 2.0]}])

    assert frame["spread %"].tolist() == pytest.approx([20])
    assert frame["its spread %"].tolist() == [0]


@pytest.mark.slow
def test_devices_puts_the_seconds_and_scores_of_each_device_side_by_side(run: Run) -> None:
    out = run("devices", "--devices", "cpu", "--attacks", "ridge", "--defenses", "quantize")

    head, *rows = out.splitlines()[-5:]
    assert head.split() == ["defense", "attack", "status", "cpu", "cpu", "s", "cpu", "dB"]
    assert {tuple(row.split()[:3]) for row in rows} == {
        (defense, attack, "done") for defense in ("quantize", "undefended") for attack in ("mean_image", "ridge")
    }


def test_devices_agree_where_one_score_lies_in_the_interval_of_the_other(script: Callable) -> None:
    board = pd.DataFrame(
        {
            "defense": "undefended",
            "defense_params": "{}",
            "attack": ["ridge", "auto", "pinv"],
            "attack_params": "{}",
            "status": "done",
            "attack_seconds": [8.0, 8.0, 8.0],
            "psnr_db": [20.0, 20.0, 20.0],
            "psnr_db_low": [19.0, 19.9, 19.9],
            "psnr_db_high": [21.0, 20.1, 20.1],
        }
    )
    cuda = board.assign(
        attack_seconds=2.0, psnr_db=20.5, psnr_db_low=[20.4, 19.5, 20.4], psnr_db_high=[20.6, 21.5, 20.6]
    )

    table = script("devices")["side_by_side"]({"cpu": board, "cuda": cuda})

    assert table["cuda agrees"].tolist() == [True, True, False]
    assert table["cuda times as fast"].tolist() == [4.0, 4.0, 4.0]


@pytest.mark.slow
def test_startup_compares_a_command_with_a_bare_interpreter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    monkeypatch.setattr(sys, "argv", ["startup.py", "--runs", "1", "--only=--help"])

    runpy.run_path(str(SCRIPTS / "startup.py"), run_name="__main__")

    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["python -c pass", "mia-bench --help"]
    assert lines[1].endswith("x by CPU time")


def test_the_published_procedure_finds_the_image_behind_a_linear_client(script: Callable) -> None:
    torch.manual_seed(0)
    client, image = nn.Conv2d(1, 4, 3, padding=1), torch.rand(1, 1, 8, 8)
    wire = client(image).detach()

    found = script("white_box")["published"](client, wire, image.shape[1:], steps=800, tv=0.0)

    assert (found - image).square().mean() < 0.01 * (image - 0.5).square().mean()


def test_a_procedure_that_was_not_let_finish_has_a_speed_and_no_quality(script: Callable) -> None:
    spent = script("measuring")["Spent"](wall=2.0, cpu=1.0)

    row = script("white_box")["line"]("theirs", None, torch.zeros(1, 1, 8, 8), spent, work=30.0, peak=100.0)

    assert row == "| theirs |  |  | 0.5 | 1 | 30 | 30 % |"


def test_operations_are_counted_within_gradients_too(script: Callable) -> None:
    left, right = torch.rand(30, 20, requires_grad=True), torch.rand(20, 10)

    counted = script("measuring")["gflop"](lambda: torch.autograd.grad((left @ right).sum(), left))

    assert counted == pytest.approx(2 * 2 * 30 * 20 * 10 / 1e9)


def test_work_within_other_work_is_counted_once(script: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 3.0, 6.0, 10.0])
    grid = script("grid")
    stopwatch = grid["Stopwatch"].__new__(grid["Stopwatch"])
    monkeypatch.setattr(grid["time"], "process_time", lambda: next(clock))
    stopwatch.__init__()

    stopwatch.watch("outer", lambda: stopwatch.watch("inner", lambda: None)())()

    assert stopwatch.seconds == {"outer": 2.0 + 4.0, "inner": 3.0}


@pytest.mark.slow
def test_scale_measures_commands_on_simulated_cells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    path = str(SCRIPTS / "scale.py")
    monkeypatch.setattr(sys, "argv", [path, "--cells", "50", "--only", "status", "rank"])

    runpy.run_path(path, run_name="__main__")

    lines = re.findall(r"^\| 50 \| (\w+) \| ([\d.]+) s, (\d+) MiB \|$", capsys.readouterr().out, re.MULTILINE)
    assert [name for name, *_ in lines] == ["status", "rank"]
    assert all(float(cpu) > 0 and 10 < int(peak) < 500 for _, cpu, peak in lines)


@pytest.mark.slow
def test_a_network_from_outside_has_the_utility_that_it_has_in_plain_torch(
    script: Callable[[str], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx2torch")
    found = script("own_networks")
    monkeypatch.chdir(tmp_path)

    case = found["regressor"](100)
    found["command"]("run", *case.words, *found["RUN"], "--out", "out")

    board = pd.read_csv("out/leaderboard.csv")
    assert board["utility"].tolist() == pytest.approx([case.expected] * len(board), abs=1e-4)
    assert case.expected > 0.5


def test_predictors_of_the_leak_are_those_of_matrices_by_hand(script: Callable[[str], dict[str, Any]]) -> None:
    found = script("leak_predictors")
    flat, steep = (torch.diag(torch.tensor(values)) for values in ([2.0, 2.0, 2.0], [100.0, 1.0, 0.0]))

    assert found["spectrum"](found["singular_values"](flat), 6) == pytest.approx(
        {"effective_rank": 3, "log_condition": 0, "kept_directions": 0.5}
    )
    measured = found["spectrum"](found["singular_values"](steep), 3)
    assert measured["log_condition"] == pytest.approx(2)
    assert 1 < measured["effective_rank"] < 1.1
    client = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    assert torch.equal(found["jacobian"](client, torch.rand(1, 1, 2, 2)), client[1].weight)


def test_the_class_radius_is_the_share_of_the_variance_within_classes(script: Callable[[str], dict[str, Any]]) -> None:
    radius, labels = script("leak_predictors")["class_radius"], torch.tensor([0, 0, 1, 1])

    assert radius(torch.tensor([[0.0], [0.0], [4.0], [4.0]]), labels) == 0
    assert radius(torch.tensor([[0.0], [4.0], [0.0], [4.0]]), labels) == 1
    assert radius(torch.tensor([[-1.0], [1.0], [3.0], [5.0]]), labels) == pytest.approx(4 / 20)


def test_recipe_trains_each_variant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shorten_training(monkeypatch)
    monkeypatch.syspath_prepend(SCRIPTS)
    tree, path = image_tree(tmp_path / "images", train=12, test=4), str(SCRIPTS / "recipe.py")
    words = ["--dataset", "imagefolder:size=16", "--model", "cnn6", "--data-dir", str(tree), "--images", "20"]
    variants = ["standard", "fast", "whole images, as few multiplications"]
    monkeypatch.setattr(sys, "argv", [path, *words, "--only", *variants])

    runpy.run_path(path, run_name="__main__")

    rows = re.findall(r"^\| ([^|]+) \| \d+ \| \d+ \| [\d.]+% \|$", capsys.readouterr().out, re.MULTILINE)
    assert rows == variants


@pytest.mark.slow
def test_latency_is_modelled_and_measured_for_each_network_and_size(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    words = ["--networks", "squeezenet1_1", "--sizes", "48", "64"]
    monkeypatch.setattr(sys, "argv", ["latency.py", *words])

    runpy.run_path(str(SCRIPTS / "latency.py"), run_name="__main__")

    rows = re.findall(
        r"^\| squeezenet1_1 \| (\d+) \| 66 \| [\d.]+ \| ([\d.]+) \| ([\d.]+) \|$", capsys.readouterr().out, re.M
    )
    assert [size for size, _, _ in rows] == ["48", "64"]
    assert all(float(whole) > float(part) > 0 for _, whole, part in rows)
