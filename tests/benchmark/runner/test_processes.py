"""Worker processes that die, and that are left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from ...helpers.trees import hear_interrupts, image_tree

PLUG_IN = """
import ctypes, os, sys, time
from typing import ClassVar
import torch
from mia_bench import Access, Attack, Defense

class Crash(Attack):
    \"\"\"Kills its process.\"\"\"
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False
    def reconstruct(self, seen):
        os.kill(os.getpid(), 9)

class Segfault(Crash):
    \"\"\"Reads memory that is not there.\"\"\"
    def reconstruct(self, seen):
        ctypes.string_at(0)

class Sleep(Crash):
    \"\"\"Takes its time.\"\"\"
    def reconstruct(self, seen):
        time.sleep(600)

class Leave(Crash):
    \"\"\"Ends its process politely.\"\"\"
    def reconstruct(self, seen):
        sys.exit(0)

class Blank(Crash):
    \"\"\"Divides by zero.\"\"\"
    def reconstruct(self, seen):
        return torch.full((len(seen.wire), *seen.image_shape), float("nan"))

class Few(Crash):
    \"\"\"Forgets an image.\"\"\"
    def reconstruct(self, seen):
        return torch.zeros(len(seen.wire) - 1, *seen.image_shape)

class Bright(Crash):
    \"\"\"Leaves the range.\"\"\"
    def reconstruct(self, seen):
        return torch.full((len(seen.wire), *seen.image_shape), 255.0)

class Stuck(Defense):
    \"\"\"Never protects.\"\"\"
    def protect(self, model, train):
        time.sleep(600)
"""
ATTACKS = ["crash", "segfault", "sleep", "leave", "blank", "few", "bright"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Site packages with bad attacks and a bad defense."""
    folder = tmp_path / "site"
    (folder / "bad-1.0.dist-info").mkdir(parents=True)
    (folder / "bad.py").write_text(PLUG_IN)
    (folder / "bad-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    attacks = "".join(f"{name} = bad:{name.capitalize()}\n" for name in [*ATTACKS, "absent"])
    points = f"[mia_bench.attacks]\n{attacks}[mia_bench.defenses]\nstuck = bad:Stuck\n"
    (folder / "bad-1.0.dist-info" / "entry_points.txt").write_text(points)
    return folder


def start(site: Path, tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    small = ["--dataset", "imagefolder:size=16", "--model", "lenet5", "--split", "conv1", "--images", "4"]
    place = ["--data-dir", str(image_tree(tmp_path / "images")), "--out", str(tmp_path / "results")]
    words = words if "--jobs" in words else (*words, "--jobs", "2")
    return subprocess.Popen(
        [sys.executable, "-m", "mia_bench.benchmark.cli", "run", *small, *place, *words],
        env={**os.environ, "PYTHONPATH": str(site)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=hear_interrupts,
    )


def workers_of(parent: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(parent)], text=True, capture_output=True, check=False)
    return [int(line) for line in found.stdout.split()]


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


FAILURES = {
    "crash": "the worker process died, twice (killed by SIGKILL, as when memory runs out)",
    "segfault": "the worker process died, twice (killed by SIGSEGV)",
    "sleep": "took longer than --cell-timeout, 6 s",
    "leave": "SystemExit: 0",
    "blank": "InvalidReconstruction: the attack returned values in [nan, nan]; expected finite values in [0, 1]",
    "few": "InvalidReconstruction: the attack returned (3, 3, 16, 16); expected images (4, 3, 16, 16)",
    "bright": "InvalidReconstruction: the attack returned values in [255, 255]; expected finite values in [0, 1]",
}


def test_cells_that_misbehave_fail_alone_and_are_named(site: Path, tmp_path: Path) -> None:
    attacks = [word for name in [*ATTACKS, "ridge"] for word in ("--attack", name)]
    run = start(site, tmp_path, *attacks, "--defense", "undefended", "--cell-timeout", "6", "--jobs", "1")
    _, messages = run.communicate(timeout=400)

    board = pd.read_csv(tmp_path / "results" / "leaderboard.csv").set_index("attack")
    assert run.returncode == 1, messages
    assert "Traceback" not in messages
    for attack, reason in FAILURES.items():
        assert board.loc[attack, "status"] == "failed"
        assert board.loc[attack, "reason"] == reason
        assert f"undefended seed 0 {attack}: {reason}" in messages
    assert board.loc[["ridge", "mean_image"], "status"].tolist() == ["done", "done"]
    assert len(board) == len(FAILURES) + 2


def test_a_worker_that_dies_leaves_the_others_alone(site: Path, tmp_path: Path) -> None:
    run = start(site, tmp_path, "--attack", "crash", "--attack", "ridge", "--defense", "dp_ir:sigma=0.1")
    _, messages = run.communicate(timeout=400)

    board = pd.read_csv(tmp_path / "results" / "leaderboard.csv").set_index(["attack", "defense"])
    assert run.returncode == 1, messages
    assert board.loc["crash", "reason"].tolist() == [FAILURES["crash"]] * 2
    assert [*board.loc["ridge", "status"], *board.loc["mean_image", "status"]] == ["done"] * 4


def test_a_defense_that_hangs_costs_its_own_cells_only(site: Path, tmp_path: Path) -> None:
    run = start(site, tmp_path, "--attack", "ridge", "--defense", "stuck", "--cell-timeout", "8")
    _, messages = run.communicate(timeout=400)

    board = pd.read_csv(tmp_path / "results" / "leaderboard.csv").set_index(["defense", "attack"])
    assert run.returncode == 1, messages
    assert set(board.loc["stuck", "reason"]) == {"took longer than --cell-timeout, 8 s"}
    assert set(board.loc["undefended", "status"]) == {"done"}


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(stop: signal.Signals, site: Path, tmp_path: Path) -> None:
    process = start(site, tmp_path, "--attack", "sleep", "--defense", "dp_ir")
    for _ in range(600):
        if (tmp_path / "results" / "plan.json").exists() and len(workers_of(process.pid)) >= 2:
            break
        time.sleep(0.1)
    time.sleep(8)
    workers = workers_of(process.pid)
    os.kill(process.pid, stop)
    _, messages = process.communicate(timeout=60)

    for _ in range(100):
        if not any(map(alive, workers)):
            break
        time.sleep(0.1)
    assert len(workers) >= 2
    assert not any(map(alive, workers))
    assert "Traceback" not in messages


def test_a_broken_attack_of_somebody_else_is_left_out_of_the_standard_ones(site: Path, tmp_path: Path) -> None:
    process = start(site, tmp_path, "--defense", "undefended", "--dry-run")
    plan, messages = process.communicate(timeout=120)

    assert process.returncode == 0, messages
    assert "ridge" in plan
    assert "left out: attack 'absent'" in messages
