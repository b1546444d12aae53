"""Worker processes that die, that never answer, and that are left alone."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from mia_bench.benchmark.registry import entries
from mia_bench.benchmark.runner.processes import Processes

from ...helpers.fresh_command import FreshCommand
from ...helpers.plugins import install
from ...helpers.trees import image_tree
from ...hostile import answers
from ...hostile.answers import answer

PLUG_IN = """
import logging, os, time
from typing import ClassVar
from mia_bench import Access, Attack, Defense

class Crash(Attack):
    \"\"\"Kills its process.\"\"\"
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False
    def reconstruct(self, seen):
        logging.getLogger(__name__).warning("about to %s", "crash" + chr(27))
        os.kill(os.getpid(), 9)

class Sleep(Crash):
    \"\"\"Writes down its process, and never answers.\"\"\"
    def reconstruct(self, seen):
        if folder := os.environ.get("ASLEEP"):
            open(os.path.join(folder, str(os.getpid())), "w").close()
        time.sleep(600)

class Stuck(Defense):
    \"\"\"Never protects.\"\"\"
    def protect(self, model, train):
        time.sleep(600)
"""
GRAY = """
from typing import ClassVar
import torch
from mia_bench import Access, Attack

class Gray(Attack):
    \"\"\"Returns gray images.\"\"\"
    access: ClassVar[Access] = Access.QUERY_FREE
    def reconstruct(self, seen):
        return torch.full((len(seen.wire), *seen.aux.images.shape[1:]), 0.5)
"""
POINTS = {
    "attacks": ["crash = bad:Crash", "sleep = bad:Sleep", "absent = bad:Absent"],
    "defenses": ["stuck = bad:Stuck"],
}
DIED = "The worker process died twice (killed by SIGKILL, as when memory runs out)."
LATE = "The cell took longer than --cell-timeout, 2 s."


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Site packages with bad attacks and a bad defense, which this process sees, too."""
    folder = install(tmp_path / "site", "bad", PLUG_IN, POINTS)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(answers, "SECONDS", 600)  # several worker processes in a row
    entries._plug_ins.cache_clear()
    yield folder
    entries._plug_ins.cache_clear()


def words(tmp_path: Path, *more: str) -> list[str]:
    if not (tmp_path / "images").exists():
        image_tree(tmp_path / "images")
    small = ["--dataset", "imagefolder:size=16", "--model", "lenet5", "--split", "conv1", "--images", "4"]
    return ["run", *small, "--data-dir", str(tmp_path / "images"), "--out", str(tmp_path / "results"), *more]


def board(tmp_path: Path) -> pd.DataFrame:
    return pd.read_csv(tmp_path / "results" / "leaderboard.csv").set_index(["defense", "attack"]).sort_index()


def told(messages: str, *words: str) -> bool:
    return any(all(word in line for word in words) for line in messages.splitlines())


@pytest.mark.slow
def test_a_worker_that_dies_leaves_the_others_alone_and_its_last_message_arrives(
    site: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = answer(*words(tmp_path, "--attack", "crash", "--attack", "ridge", "--defense", "dp_ir", "--jobs", "2"))

    rows = board(tmp_path)
    assert run.exit_code == 1, run.output
    for defense in ("undefended", "dp_ir"):
        assert rows.loc[(defense, "crash"), "status"] == "failed"
        assert rows.loc[(defense, "crash"), "reason"] == DIED
        assert told(run.stderr, defense, "crash", DIED)
        assert rows.loc[(defense, ["ridge", "mean_image"]), "status"].tolist() == ["done"] * 2
    assert caplog.messages.count("about to crash") == 4


@pytest.mark.slow
def test_cells_that_take_too_long_fail_alone_and_are_named(site: Path, tmp_path: Path) -> None:
    """The cells that must not fail are done without a limit, so that a slow machine does not fail the test."""
    before = answer(*words(tmp_path, "--attack", "ridge", "--defense", "undefended"))
    limited = ["--attack", "ridge", "--attack", "sleep", "--defense", "stuck", "--cell-timeout", "2"]

    run = answer(*words(tmp_path, *limited))

    rows = board(tmp_path)
    assert (before.exit_code, run.exit_code) == (0, 1), run.output
    assert "Running 4 of 6 cells (2 already done)" in run.stderr
    late = [("undefended", "sleep"), *(("stuck", attack) for attack in ("ridge", "sleep", "mean_image"))]
    for defense, attack in late:  # each but the first is computed by a worker that took the place of an ended one
        assert (rows.loc[(defense, attack), "status"], rows.loc[(defense, attack), "reason"]) == ("failed", LATE)
        assert told(run.stderr, defense, attack, LATE)
    assert rows.loc[("undefended", ["ridge", "mean_image"]), "status"].tolist() == ["done"] * 2


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(
    stop: signal.Signals, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = tmp_path / "asleep"
    asleep.mkdir()
    monkeypatch.setenv("ASLEEP", str(asleep))
    process = FreshCommand(*words(tmp_path, "--attack", "sleep", "--defense", "dp_ir"), logs=tmp_path / "logs")
    while process.poll() is None and not list(asleep.iterdir()):
        time.sleep(0.1)
    (worker,) = [int(path.name) for path in asleep.iterdir()]
    assert alive(worker)
    os.kill(process.pid, stop)
    _, messages = process.communicate(timeout=60)

    for _ in range(100):
        if not alive(worker):
            break
        time.sleep(0.1)
    assert not alive(worker)
    assert "Traceback" not in messages


def test_a_broken_attack_of_somebody_else_is_left_out_of_the_standard_ones(site: Path, tmp_path: Path) -> None:
    run = answer(*words(tmp_path, "--defense", "undefended", "--dry-run"))

    assert run.exit_code == 0
    assert re.fullmatch(r"\d+ cells, \d+ to do", run.stdout.splitlines()[-1])
    assert run.stderr.count("Left out: The attack 'absent' of package bad 1.0 cannot be loaded") == 1


def test_idle_workers_end_by_themselves_so_that_nothing_they_hold_is_lost() -> None:
    workers = Processes(torch.device("cpu"), None)
    processes = [workers._processes[workers.start()][0] for _ in range(2)]

    workers.close()

    assert [process.exitcode for process in processes] == [0, 0]


def test_an_edited_plug_in_whose_scores_are_kept_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = install(tmp_path / "site", "edited", GRAY, {"attacks": ["gray = edited:Gray"]})
    monkeypatch.syspath_prepend(site)
    entries._plug_ins.cache_clear()
    words = ["run", "--dataset", "imagefolder:size=16", "--model", "lenet5", "--split", "relu1", "--images", "4"]
    words += ["--defense", "undefended", "--attack", "gray", "--out", str(tmp_path / "results")]
    images = image_tree(tmp_path / "images")

    first, again = (answer(*words, "--data-dir", images) for _ in range(2))
    (site / "edited.py").write_text(GRAY + "# brighter\n")
    later = answer(*words, "--data-dir", images)
    entries._plug_ins.cache_clear()

    named = "The code of attack gray has changed, but not its version, since 1 cell of this plan was computed."
    assert first.exit_code == again.exit_code == later.exit_code == 0, later.output
    assert [named in result.output for result in (first, again, later)] == [False, False, True]
