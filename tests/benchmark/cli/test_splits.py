"""``mia-bench splits`` and ``mia-bench profile``: costs, leak, choice, and what is refused."""

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mia_bench.benchmark.cli import app
from mia_bench.benchmark.cli.split_table import texts_of
from mia_bench.benchmark.metrics.layer_types import LAYER_TYPES
from mia_bench.benchmark.splits import measured
from mia_bench.benchmark.splits.devices import Device, load_profile
from mia_bench.benchmark.splits.lines import Line
from PIL import Image
from typer.testing import CliRunner, Result


def splits(tree: Path, out: Path, *words: str) -> Result:
    data = ["--dataset", "imagefolder:size=16", "--data-dir", str(tree), "--model", "lenet5", "--out", str(out)]
    return CliRunner().invoke(app, ["splits", *data, "--images", "4", *words])


def table(result: Result) -> pd.DataFrame:
    return pd.read_csv(StringIO(result.stdout)).set_index("split")


def test_costs_are_printed_in_the_order_of_the_network_between_the_baselines(tree: Path, tmp_path: Path) -> None:
    result = splits(tree, tmp_path / "out", "--dry-run", "--format", "csv", "--split", "conv*,relu*")

    assert result.exit_code == 0, result.stderr
    found = table(result)
    splits_in_order = ["conv1", "relu1", "conv2", "relu2", "relu3", "relu4"]
    assert [*found.index] == ["cloud (PNG)", "cloud (JPEG)", *splits_in_order, "device"]
    assert found["latency_ms_modelled"].notna().all()
    assert not (tmp_path / "out").exists()


def test_images_that_a_file_would_round_are_sent_to_the_cloud_as_they_are(tmp_path: Path) -> None:
    tokens = np.random.default_rng(0).integers(0, 5000, (60, 16, 16)) / 4999
    np.savez(tmp_path / "tokens.npz", images=tokens, labels=np.arange(60) % 2)
    words = ["splits", "--dataset", f"npz:path={tmp_path / 'tokens.npz'}", "--model", "lenet5", "--split", "relu1"]
    words += ["--images", "4", "--format", "csv", "--dry-run", "--out", str(tmp_path / "out")]

    result = CliRunner().invoke(app, words)

    assert result.exit_code == 0, result.stderr
    found = table(result)["wire_kb"]
    assert [*found.index] == ["cloud (float32)", "relu1", "device"]
    assert found["cloud (float32)"] == 4 * 16 * 16 / 1000


def test_numbers_are_sent_in_the_type_of_the_network(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "typed_network.py").write_text(
        "import torch\n"
        "class Network(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.last = torch.nn.Linear(3 * 16 * 16, 3).double()\n"
        "        torch.nn.init.eye_(self.last.weight)\n"
        "        torch.nn.init.zeros_(self.last.bias)\n"
        "    def forward(self, images):\n"
        "        half = images.flatten(1).bfloat16() * 2\n"
        "        return torch.log_softmax(self.last(half.float()).double(), 1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    words = ["splits", "--dataset", "imagefolder:size=16", "--data-dir", str(tree), "--images", "4", "--format", "csv"]
    words += ["--model", "python:build=typed_network:Network", "--split", "mul", "--defense", "dp_ir"]

    result = CliRunner().invoke(app, [*words, "--dry-run", "--out", str(tmp_path / "out")])
    shown = CliRunner().invoke(app, ["show", "python:build=typed_network:Network", "--image", "3x16x16"])

    assert result.exit_code == 0, result.stderr
    found = table(result)
    assert found.loc["mul", "wire_kb"].tolist() == [2 * 3 * 16 * 16 / 1000] * 2
    assert found.drop("device")["bytes_down"].tolist() == [8 * 3] * 4
    assert re.search(r"^mul +768 +1536 ", shown.stdout, re.MULTILINE)


def test_what_a_defense_sends_is_known_before_any_cell_is_done(tree: Path, tmp_path: Path) -> None:
    defenses = ["quantize", "fc_before_send", "dp_sgd"]
    words = [word for name in defenses for word in ("--defense", name)]
    result = splits(tree, tmp_path / "out", "--dry-run", "--format", "csv", "--split", "relu1", *words)

    found = table(result).loc["relu1"].set_index("defense")
    plain = found.loc["undefended"]
    assert found.loc["quantize", "wire_kb"] < plain["wire_kb_int8"]
    assert found.loc["quantize", "latency_ms_modelled"] < plain["latency_ms_modelled"]
    assert found.loc["fc_before_send", "client_params"] > plain["client_params"]
    assert pd.isna(found.loc["dp_sgd", "wire_kb"])  # it would have to be trained


def test_what_a_defense_sends_is_known_of_images_without_labels(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "given_network.py").write_text(
        "import torch\n"
        "def build():\n"
        "    torch.manual_seed(0)\n"
        "    layers = torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(784, 3)\n"
        "    return torch.nn.Sequential(*layers)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    data = ["--dataset", "imagefolder:size=16,task=unlabeled", "--data-dir", str(tree), "--images", "4"]
    words = ["splits", *data, "--model", "python:build=given_network:build", "--split", "1", "--format", "csv"]
    words += ["--defense", "quantize,fc_before_send", "--dry-run", "--out", str(tmp_path / "out")]

    result = CliRunner().invoke(app, words)

    assert result.exit_code == 0, result.stderr
    found = table(result).loc["1"].set_index("defense")
    assert found["wire_kb"].tolist() == [4 * 784 / 1000, 784 * 2 / 8 / 1000, 4 * 3 / 1000]
    assert found["latency_ms_modelled"].notna().all()


@pytest.mark.parametrize("attacks", [["--dry-run"], ["--attack", "mean_image"]])
def test_a_deeper_client_costs_what_the_deeper_cut_costs(
    attacks: list[str], tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "added_on_client", lambda *_: 0.0)  # beside the layers, which are modelled
    monkeypatch.setattr(measured, "NEGLIGIBLE_MS", float("inf"))
    words = ["--split", "relu1,fc1", "--defense", "deeper_client:to=fc1", "--format", "csv", *attacks]

    found = table(splits(tree, tmp_path / "out", *words))

    moved = found.loc["relu1"].set_index("defense").loc["deeper_client:to=fc1"]
    plain = found.loc[["fc1"]].set_index("defense").loc["undefended"]
    columns = ["client_params", "client_mmacs", "wire_kb", "client_ms_modelled", "latency_ms_modelled"]
    assert moved[columns].tolist() == pytest.approx(plain[columns].tolist())


@pytest.mark.slow
def test_costs_need_no_compiler_and_no_statistics(tree: Path, tmp_path: Path) -> None:
    words = ["splits", "--dataset", "imagefolder:size=16", "--data-dir", str(tree), "--model", "lenet5", "--dry-run"]
    code = f"""
import sys
sys.modules.update(dict.fromkeys(("torch._dynamo", "scipy.stats")))  # an import of any of these is an error
from mia_bench.benchmark.cli import app
sys.argv = ["mia-bench", *{words}, "--images", "4", "--out", {str(tmp_path)!r}]
app()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_the_leak_comes_from_the_records_of_run_and_is_not_computed_again(tree: Path, tmp_path: Path) -> None:
    words = ["--split", "conv1,fc1", "--attack", "mean_image", "--format", "csv"]
    first = splits(tree, tmp_path / "out", *words)
    assert first.exit_code == 0, first.stderr
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cells").iterdir()}

    again = splits(tree, tmp_path / "out", *words, "--max-identified", "1", "--min-utility", "0")

    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cells").iterdir()} == times
    assert table(again).loc[["conv1", "fc1"], ["psnr_db", "utility", "client_ms"]].notna().all(axis=None)
    assert "leaks least of the" in again.stderr
    ranked = CliRunner().invoke(app, ["rank", str(tmp_path / "out"), "--format", "csv"])
    assert ranked.stdout.index("conv1") < ranked.stdout.index("fc1")


def test_bytes_that_are_averaged_over_seeds_are_rounded() -> None:
    lines = [Line(split="conv1", client_params=608, rounds=1, bytes_down=40.5), Line(split="relu1")]

    texts = texts_of(lines).set_index("split")

    assert texts[["client_params", "rounds", "bytes_down"]].to_numpy().tolist() == [["608", "1", "40"], [""] * 3]


@pytest.mark.slow
def test_the_baselines_have_the_utility_of_all_seeds_as_the_cuts_have(tree: Path, tmp_path: Path) -> None:
    words = ["--split", "conv1", "--attack", "mean_image", "--seed", "0", "--seed", "1", "--format", "csv"]
    assert splits(tree, tmp_path / "out", *words).exit_code == 0
    for path in (tmp_path / "out" / "cells").iterdir():
        record = json.loads(path.read_text())
        utility = (0.25, 0.75)[record["row"]["seed"]]
        record["details"]["utility_undefended"] = utility
        record["row"] |= {"utility": utility, "accuracy": utility, "accuracy_undefended": utility}
        path.write_text(json.dumps(record))

    found = table(splits(tree, tmp_path / "out", *words, "--dry-run"))

    assert found.loc[["cloud (PNG)", "conv1", "device"], "utility"].tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--uplink", "50"], "such as 50Mbit, 1.5Mbit/s or 6MB/s, got '50'."),
        (["--network", "5g"], "one of 3g, lte, wifi or the path"),
        (["--device-gmacs", "inf"], "Expected --device-gmacs to be a number above 0, got inf"),
        (["--device-gmacs", "0"], "Expected --device-gmacs to be a number above 0, got 0"),
        (
            ["--device-gmacs", "1e-300"],
            "Expected --device-gmacs to be at least 1e-06, got 1e-300. Give a faster device.",
        ),
        (["--min-utility", "90"], "Expected --min-utility to be a number up to 1, got 90.0. Write 80 % as 0.8."),
        (["--min-utility", "-inf"], "Expected --min-utility to be a number up to 1, got -inf"),
        (["--min-utility", "nan"], "Expected --min-utility to be a number up to 1, got nan"),
        (["--max-identified", "-0.1"], "Expected --max-identified to be a share from 0 to 1, got -0.1"),
        (
            ["--downlink", "1e-300Mbit"],
            "Expected --downlink to be at least 1bit/s, got '1e-300Mbit'. Give a higher rate.",
        ),
        (["--rtt", "1e300s"], "Expected --rtt to be at most 86400s, got '1e300s'. Give a shorter time."),
        (["quick"], "Expected options of mia-bench splits, got 'quick'."),
        (["--model", "cnn6"], "Expected one model for mia-bench splits, got 2."),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(words: list[str], sentence: str, tree: Path, tmp_path: Path) -> None:
    result = splits(tree, tmp_path / "out", "--dry-run", *words)

    assert result.exit_code == 2
    assert sentence in result.stderr


def test_the_reason_on_the_page_is_that_of_a_defense_that_cannot_be_applied(tree: Path, tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "guides" / "choose-a-split.md").read_text(encoding="utf-8")
    (reason,) = re.findall(r"^(\S+) at (\S+): (.+)$", page, re.MULTILINE)
    defense, split, _ = reason

    result = splits(tree, tmp_path / "out", "--dry-run", "--split", split, "--defense", defense)

    assert "{} at {}: {}".format(*reason) in " ".join(result.output.split())


def test_a_negative_utility_may_be_the_lowest_one(tree: Path, tmp_path: Path) -> None:
    result = splits(tree, tmp_path / "out", "--dry-run", "--min-utility", "-0.5")

    assert "--min-utility (utility >= -0.5)" in result.output
    assert result.exit_code == 1  # without a run, it is not known


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_printed(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    result = splits(tree, tmp_path / "file" / "out", "--split", "conv1")

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Cannot write {tmp_path / 'file' / 'out'}: Not a directory." in result.stderr


@pytest.mark.parametrize("empty", [("--out", ""), ("--out=",), ("--data-dir", ""), ("-o", "")])
def test_an_empty_path_is_refused(empty: tuple[str, ...], tree: Path, tmp_path: Path) -> None:
    result = splits(tree, tmp_path / "out", "--dry-run", *empty)

    option = empty[0].rstrip("=")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Expected {option} to be a path, got an empty text. Give a path, or leave it out." in result.stderr


def test_a_limit_that_cannot_be_met_exits_with_1(tree: Path, tmp_path: Path) -> None:
    result = splits(tree, tmp_path / "out", "--dry-run", "--max-latency", "1us")

    assert result.exit_code == 1
    assert "No line meets --max-latency" in result.stdout


def test_the_costs_alone_tell_why_a_defense_cannot_be_applied(tree: Path, tmp_path: Path) -> None:
    words = ["--dry-run", "--split", "conv1,fc3", "--defense", "quantize"]

    listed = json.loads(splits(tree, tmp_path / "out", *words, "--format", "json").stdout)
    told = splits(tree, tmp_path / "out", *words).stdout

    (reason,) = {line["reason"] for line in listed} - {""}
    (refused,) = [line for line in listed if line["reason"]]
    assert (refused["split"], refused["defense"], refused["wire_kb"]) == ("fc3", "quantize", None)
    assert f"quantize at fc3: {reason}" in told


def test_the_figure_is_drawn_and_needs_finished_cells(tree: Path, tmp_path: Path) -> None:
    words = ["--split", "conv1,fc1", "--attack", "mean_image", "--figure"]

    none = splits(tree, tmp_path / "out", *words, str(tmp_path / "none.png"), "--dry-run")
    wrong = splits(tree, tmp_path / "out", *words, str(tmp_path / "figure.txt"))
    drawn = splits(tree, tmp_path / "out", *words, str(tmp_path / "figure.png"), "--max-identified", "1")

    assert (none.exit_code, wrong.exit_code, drawn.exit_code) == (2, 2, 0), drawn.stderr
    assert "Expected finished cells for --figure" in none.stderr
    assert "Expected a file name that ends in .png, .svg or .pdf for --figure" in wrong.stderr
    with Image.open(tmp_path / "figure.png") as figure:
        assert figure.width > 1000


def test_profile_writes_a_file_that_splits_reads(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["profile", "-o", str(tmp_path / "mine.toml")])

    assert result.exit_code == 0, result.stderr
    device = load_profile(Device, str(tmp_path / "mine.toml"))
    assert device.gmacs_per_s > 0
    assert 0.1 < (device.us_per_operation or 0) < 10_000
    assert 0.01 < (device.activation_gbyte_per_s or 0) < 10_000
    assert device.pj_per_mac is None
    assert "pj" not in (tmp_path / "mine.toml").read_text()
    assert set(device.gmacs_per_s_by_layer) == set(LAYER_TYPES)


def test_times_at_the_lowest_rates_are_numbers_of_a_few_digits(tree: Path, tmp_path: Path) -> None:
    slow = ["--uplink", "1bit", "--downlink", "1bit/s", "--device-gmacs", "1e-6", "--rtt", "86400s"]
    result = splits(tree, tmp_path / "out", "--dry-run", "--split", "conv1", "--format", "json", *slow)

    assert result.exit_code == 0, result.stderr
    assert all(0 < line["latency_ms_modelled"] < 1e12 for line in json.loads(result.stdout))
