"""Eight runs are killed at random moments, and nothing is lost, doubled or wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ...helpers.commands import mia_bench
from ...helpers.trees import image_tree

KILLS = 8
CELLS = 22
SCORES = ["cell_id", "defense", "defense_params", "attack", "accuracy", "psnr_db", "ssim", "recognisable", "status"]


def arguments(tree: Path, out: str) -> list[str]:
    strengths = ",".join(f"{0.1 * step:.1f}" for step in range(1, 11))
    small = ["--dataset", "imagefolder:size=16", "--model", "lenet5", "--split", "conv1", "--images", "4"]
    sweep = ["--defense", "dp_ir", "--sigma", strengths, "--attack", "ridge"]
    return ["run", *small, *sweep, "--data-dir", str(tree), "--out", out]


def whole(tree: Path, out: Path) -> tuple[pd.DataFrame, str]:
    """Let a run come to its end; its leaderboard and what it said."""
    done = mia_bench(*arguments(tree, str(out)))
    assert done.exit_code == 0, done.stderr
    return pd.read_csv(out / "leaderboard.csv"), done.stderr


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_as_if_it_never_was(tmp_path: Path) -> None:
    tree = image_tree(tmp_path / "images")
    expected, _ = whole(tree, tmp_path / "undisturbed")
    assert len(expected) == CELLS

    killer = [sys.executable, str(Path(__file__).parents[2] / "helpers" / "killed.py"), str(KILLS)]
    ended = subprocess.run(
        [*killer, *arguments(tree, str(tmp_path / "results-ROUND"))], text=True, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    kills = [line.split() for line in ended.stdout.splitlines()]
    assert len(kills) == KILLS
    assert len({records for _, records in kills}) > KILLS // 4, kills

    for folder in sorted({Path(name) for name, _ in kills}):
        kept = {path: path.read_bytes() for path in (folder / "cells").glob("*.json")}
        for content in kept.values():
            assert json.loads(content)["row"]["status"] == "done"
        board, messages = whole(tree, folder)
        pd.testing.assert_frame_equal(board[SCORES], expected[SCORES])
        some = f"{CELLS} cells ({len(kept)} already done)" if kept else f"Running {CELLS} cells"
        assert (some if len(kept) < CELLS else f"All {CELLS} cells are already done.") in messages
        assert all(path.read_bytes() == content for path, content in kept.items())
        assert {path.stem for path in (folder / "pictures").glob("*.png")} == set(board["cell_id"])
