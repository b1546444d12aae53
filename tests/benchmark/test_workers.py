"""Worker processes that die, and that are left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from ..trees import image_tree

PLUG_IN = """
import os, time
from typing import ClassVar
from mia_bench import Access, Attack

class Crash(Attack):
    \"\"\"Kills its process.\"\"\"
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False
    def reconstruct(self, seen):
        os.kill(os.getpid(), 9)

class Sleep(Crash):
    \"\"\"Takes its time.\"\"\"
    def reconstruct(self, seen):
        time.sleep(600)
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Site packages with two bad attacks."""
    folder = tmp_path / "site"
    (folder / "bad-1.0.dist-info").mkdir(parents=True)
    (folder / "bad.py").write_text(PLUG_IN)
    (folder / "bad-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    points = "[mia_bench.attacks]\ncrash = bad:Crash\nsleep = bad:Sleep\nabsent = bad:Absent\n"
    (folder / "bad-1.0.dist-info" / "entry_points.txt").write_text(points)
    return folder


def start(site: Path, tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    small = ["--dataset", "imagefolder:size=16", "--model", "lenet5", "--split", "conv1", "--images", "4"]
    place = ["--data-dir", str(image_tree(tmp_path / "images")), "--out", str(tmp_path / "results"), "--jobs", "2"]
    return subprocess.Popen(
        [sys.executable, "-m", "mia_bench.benchmark.cli", "run", *small, *place, *words],
        env={**os.environ, "PYTHONPATH": str(site)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def workers_of(parent: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(parent)], text=True, capture_output=True, check=False)
    return [int(line) for line in found.stdout.split()]


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_a_cell_that_kills_its_worker_fails_alone(site: Path, tmp_path: Path) -> None:
    attacks = ["--attack", "ridge", "--attack", "crash"]
    process = start(site, tmp_path, *attacks, "--defense", "dp_ir", "--sigma", "0.1")
    _, messages = process.communicate(timeout=300)

    board = pd.read_csv(tmp_path / "results" / "leaderboard.csv").set_index(["defense", "attack"])
    assert process.returncode == 1, messages
    for defense in ("undefended", "dp_ir"):
        assert board.loc[(defense, "crash"), "status"] == "failed"
        assert board.loc[(defense, "crash"), "reason"] == "the worker process died, twice (killed by SIGKILL, as when memory runs out)"
        assert board.loc[(defense, "ridge"), "status"] == "done"
        assert board.loc[(defense, "mean_image"), "status"] == "done"


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
