"""Runs that are stopped, that meet a full disk, or that share a folder."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from ...helpers.commands import SMALL, mia_bench, run
from ...helpers.fresh_command import FreshCommand

SWEEP = ("--defense", "dp_ir", "--sigma", "0.1,0.2,0.3,0.4,0.5", "--attack", "ridge")
CELLS = 12


def start(tree: Path, out: Path, *grid: str) -> FreshCommand:
    logs = out.with_name(f"logs-{len(list(out.parent.glob('logs-*')))}")
    return FreshCommand("run", *SMALL, "--data-dir", tree, "--out", out, *grid, logs=logs)


def wait_for_records(out: Path, count: int, process: FreshCommand) -> None:
    for _ in range(3000):
        if len(list((out / "cells").glob("*.json"))) >= count or process.poll() is not None:
            return
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_stopped_run_keeps_its_finished_cells_and_goes_on_from_there(
    stop: signal.Signals, code: int, tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    process = start(tree, out, *SWEEP)
    wait_for_records(out, 3, process)
    os.kill(process.pid, stop)
    _, told = process.communicate()
    kept = {path: path.read_bytes() for path in (out / "cells").glob("*.json")}

    by = "" if stop is signal.SIGINT else f" by {stop.name}"
    assert process.returncode == code
    assert stop is signal.SIGKILL or told.splitlines()[-1] == (
        f"Interrupted{by}. Finished cells are saved; rerun the same command to resume."
    )
    assert 3 <= len(kept) < CELLS

    again = run(tree, out, *SWEEP)

    assert again.exit_code == 0, again.stderr
    assert f"Running {CELLS - len(kept)} of {CELLS} cells ({len(kept)} already done)" in again.stderr
    assert all(path.read_bytes() == content for path, content in kept.items())
    assert len(pd.read_csv(out / "leaderboard.csv")) == CELLS
    assert not [path for path in (out / "cells").iterdir() if path.suffix == ".json" and path.name.startswith(".")]


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_when_there_is_room(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, room = tmp_path / "results", iter(range(11))
    assert run(tree, tmp_path / "warm", *SWEEP).exit_code == 0

    def fsync(file: int) -> None:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        full = run(tree, out, *SWEEP)
    kept = {path: path.read_bytes() for path in (out / "cells").iterdir()}

    assert full.exit_code == 2
    expected = f"Error: Cannot write results to {out}: No space left on device. Finished cells are saved"
    assert expected in full.stderr
    assert 2 <= len(kept) < 12
    assert {path.suffix for path in kept} == {".json"}

    again = run(tree, out, *SWEEP)
    assert again.exit_code == 0, again.stderr
    assert f"Running {12 - len(kept)} of 12 cells ({len(kept)} already done)" in again.stderr
    assert all(path.read_bytes() == content for path, content in kept.items())
    assert len(pd.read_csv(out / "leaderboard.csv")) == 12


@pytest.mark.slow
def test_two_runs_into_one_folder_at_once_corrupt_nothing(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    both = [start(tree, out, *SWEEP), start(tree, out, *SWEEP)]
    messages = [process.communicate()[1] for process in both]

    assert [process.returncode for process in both] == [0, 0], messages
    assert len(pd.read_csv(out / "leaderboard.csv")) == 12
    assert mia_bench("status", out).stdout.strip() == "12 done, 0 failed, 0 inapplicable, 0 missing"


def test_an_interrupted_command_that_keeps_nothing_says_so_in_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press_ctrl_c(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mia_bench.benchmark.cli.rank.rank_boards", press_ctrl_c)
    result = mia_bench("rank", tmp_path)

    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "Interrupted.\n")


AT_IMPORT = """
class Finder:
    find_spec = staticmethod(lambda name, *_: press() if name == "{name}" else None)

sys.meta_path.insert(0, Finder)
"""
SWALLOWED = """
def swallow(name):
    with suppress(BaseException):
        press()

class Finder:
    find_spec = staticmethod(lambda name, *_: swallow(name) if name == "{name}" else None)

sys.meta_path.insert(0, Finder)
"""
AT_PARSING = "import typer.core; typer.core.TyperGroup.make_context = press"


@pytest.mark.parametrize(
    "moment",
    [
        AT_IMPORT.format(name="typer"),
        AT_IMPORT.format(name="mia_bench.benchmark.cli.rank"),
        SWALLOWED.format(name="mia_bench.benchmark.cli.rank"),
        AT_PARSING,
    ],
)
def test_ctrl_c_before_a_command_begins_is_one_word(moment: str, tmp_path: Path) -> None:
    code = f"""
import os, signal, sys
from contextlib import suppress
signal.signal(signal.SIGINT, signal.default_int_handler)

def press(*_, **__):
    os.kill(os.getpid(), signal.SIGINT)

{moment}
sys.argv = ["mia-bench", "rank", "results"]
from mia_bench.benchmark.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


def test_ctrl_c_in_the_work_of_a_command_raises_so_that_it_can_clean_up(tmp_path: Path) -> None:
    code = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)

def work(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        print("cleaned up")

from mia_bench.benchmark.cli import main, rank
rank.rank_boards = work
sys.argv = ["mia-bench", "rank", "results"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (130, "cleaned up\n", "Interrupted.\n")
