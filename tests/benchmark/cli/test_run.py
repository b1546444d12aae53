"""Runs on the command line: what they write, and that a second one changes nothing."""

import re
from pathlib import Path

import pandas as pd
import pytest
from mia_bench.benchmark.leaderboard.records import COLUMNS

from ...helpers.commands import mia_bench, run


def test_a_run_writes_a_leaderboard_with_the_columns_of_the_design_and_a_second_one_changes_nothing(
    tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"

    first = run(tree, out, "--defense", "dp_ir", "--sigma", "0.1", "--attack", "ridge")

    assert first.exit_code == 0, first.stderr
    assert first.stdout.splitlines()[-1] == f"Wrote {out / 'leaderboard.csv'}"
    board = pd.read_csv(out / "leaderboard.csv")
    assert list(board.columns) == COLUMNS
    assert set(zip(board["defense"], board["attack"], strict=True)) == {
        (defense, attack) for defense in ("undefended", "dp_ir") for attack in ("ridge", "mean_image")
    }
    assert set(board["status"]) == {"done"}
    content = (out / "leaderboard.csv").read_bytes()

    second = run(tree, out, "--defense", "dp_ir", "--sigma", "0.1", "--attack", "ridge")

    assert second.exit_code == 0
    assert "All 4 cells are already done." in second.stderr
    assert (out / "leaderboard.csv").read_bytes() == content


def test_a_sweep_makes_one_defense_for_each_value_and_a_dry_run_writes_nothing(tree: Path, tmp_path: Path) -> None:
    result = run(
        tree, tmp_path / "results", "--defense", "dp_ir", "--sigma", "0.1,0.5", "--attack", "ridge", "--dry-run"
    )

    assert result.exit_code == 0, result.stderr
    place, _, *table, _, need, memory, count = result.stdout.splitlines()
    assert place == "imagefolder:size=16 lenet5 conv1, seed 0"
    assert [line.split()[:3] for line in table[1:]] == [
        [defense, "2", "2"] for defense in ("undefended", "dp_ir:sigma=0.1", "dp_ir:sigma=0.5")
    ]
    assert re.fullmatch(r"Expected time: about \d+ s with --jobs 1(, of which \d+ s train targets)?\.", need)
    assert re.fullmatch(r"Memory: up to \d\.\d GB\.", memory)
    assert count == "6 cells, 6 to do"
    assert not (tmp_path / "results").exists()


def _without_times(plan: str) -> list[str]:
    """Return the lines of a plan but for the expected time, which is measured anew by each run."""
    return [line for line in plan.splitlines() if not line.startswith("Expected time")]


def test_a_repeated_option_and_commas_mean_the_same_everywhere(tree: Path) -> None:
    place = ("--data-dir", tree, "--out", tree / "none", "--images", "4", "--dry-run")
    several = {
        "--dataset": ("imagefolder:size=16", "imagefolder:size=20"),
        "--model": ("lenet5", "lenet5"),
        "--split": ("conv1", "relu1"),
        "--attack": ("ridge", "pinv:observations=2"),
        "--defense": ("dp_ir:sigma=0.1,delta=1e-6", "dropout"),
        "--seed": ("0", "1"),
    }
    commas = [word for option, values in several.items() for word in (option, ",".join(values))]
    repeated = [word for option, values in several.items() for value in values for word in (option, value)]

    once, twice = (mia_bench("run", *words, *place) for words in (commas, repeated))

    assert once.exit_code == 0, once.stderr
    assert _without_times(once.stdout) == _without_times(twice.stdout)
    assert "72 cells, 72 to do" in once.stdout  # 2 datasets, 2 splits, 2 seeds, 3 defenses, 3 attacks


def test_splits_choose_among_the_parts_of_a_suite(tree: Path) -> None:
    place = ("--data-dir", tree, "--out", tree / "none", "--dry-run")
    parts = 'dataset = { name = "imagefolder", size = 16 }\nmodel = "lenet5"\nattacks = ["ridge"]\n'
    (tree / "parts.toml").write_text(parts + "".join(f'[[parts]]\nsplit = "{name}"\n' for name in ("relu1", "fc1")))
    part = mia_bench("run", tree / "parts.toml", "--split", "fc1", "--images", "4", *place)

    assert " fc1, " in part.stdout
    assert " relu1" not in part.stdout


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_processes_or_the_other_cells(tree: Path, tmp_path: Path) -> None:
    alone = run(tree, tmp_path / "a", "--defense", "dp_ir:sigma=0.3", "--attack", "ridge")
    shared = run(
        tree, tmp_path / "b", "--defense", "dropout", "--defense", "dp_ir:sigma=0.3", "--attack", "ridge", "--jobs", "2"
    )

    assert (alone.exit_code, shared.exit_code) == (0, 0), shared.stderr
    boards = [pd.read_csv(tmp_path / name / "leaderboard.csv").set_index("cell_id") for name in "ab"]
    scores = [
        "accuracy",
        "psnr_db",
        "psnr_db_low",
        "ssim",
        "recognisable",
        "identified",
        "leak_r2",
        "bound_psnr_db",
        "wire_bytes",
    ]
    pd.testing.assert_frame_equal(boards[0][scores], boards[1].loc[boards[0].index, scores])


def test_a_cell_that_has_no_meaning_is_a_row_with_its_reason_and_no_score(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"

    result = run(tree, out, "--defense", "deeper_client:layers=99", "--attack", "ridge")

    board = pd.read_csv(out / "leaderboard.csv").set_index(["defense", "attack"])
    assert result.exit_code == 0
    assert board.loc[("deeper_client", "ridge"), "status"] == "inapplicable"
    reason = board.loc[("deeper_client", "ridge"), "reason"]
    assert "Expected at least 99 layers after the split 'conv1', got 10." in reason
    assert pd.isna(board.loc[("deeper_client", "ridge"), "psnr_db"])


def test_quiet_shows_results_and_verbose_lists_cells(tree: Path, tmp_path: Path) -> None:
    words = ("--defense", "undefended", "--attack", "ridge")

    planned = run(tree, tmp_path / "results", *words, "--dry-run", "--verbose")
    quiet = run(tree, tmp_path / "results", *words, "--quiet")
    verbose = run(tree, tmp_path / "other", *words, "-v")
    both = run(tree, tmp_path / "other", *words, "-v", "-q")

    assert "to do  imagefolder:size=16 lenet5 conv1 undefended seed 0 ridge" in planned.stdout
    assert quiet.stderr == ""
    assert quiet.stdout.splitlines()[-1] == f"Wrote {tmp_path / 'results' / 'leaderboard.csv'}"
    assert "Started imagefolder:size=16 lenet5 conv1 undefended seed 0 ridge." in verbose.stderr
    assert both.exit_code == 2
    assert "Expected --quiet or --verbose, got both." in both.stderr


@pytest.mark.usefixtures("brief")
def test_without_a_number_all_private_images_are_attacked_if_there_are_fewer(tree: Path, tmp_path: Path) -> None:
    words = ["run", "--dataset", "imagefolder:size=16", "--model", "lenet5", "--split", "conv1", "--data-dir", tree]
    words += ["--defense", "undefended", "--attack", "mean_image", "--out", tmp_path / "out"]

    result = mia_bench(*words)

    assert result.exit_code == 0, result.stderr
    assert set(pd.read_csv(tmp_path / "out" / "leaderboard.csv")["n_images"]) == {24}
    assert "already done" in mia_bench(*words, "--images", "24").stderr
