"""What commands print on a terminal: tables that fit, and no character but those that make a header bold."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mia_bench.benchmark.cli import console
from mia_bench.benchmark.cli.results_table import print_results
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request

from ..leaderboard.test_ranking import record

CELLS = plan(Request(dataset="photos", attacks=["encoder_decoder"], defenses=["dp_ir:sigma=0.1"]))


def on_terminal(width: int, *words: str) -> str:
    """What a command prints on a terminal of a width, without the codes of bold text."""
    reader, writer = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(width), "TERM": "xterm"}
    command = [sys.executable, "-m", "mia_bench", *words]
    done = subprocess.run(command, stdout=writer, env=environment, stdin=subprocess.DEVNULL)
    os.close(writer)
    text = b""
    while part := _read(reader):
        text += part
    os.close(reader)
    assert done.returncode == 0
    return re.sub(r"\x1b\[[01]m", "", text.decode().replace("\r\n", "\n"))


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 4096)
    except OSError:  # Linux says so when the writer is closed
        return b""


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("words", [["list", "suites"], ["list", "attacks"], ["rank", "--help"]], ids=" ".join)
def test_a_command_fits_the_terminal_and_shows_no_codes(words: list[str], width: int) -> None:
    text = on_terminal(width, *words)

    assert "x1b" not in text
    assert "\x1b" not in text.replace("\x1b[2m", "").replace("\x1b[22m", "") or words[-1] == "--help"
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in text.splitlines()) <= width


def test_descriptions_are_paragraphs_on_a_terminal_that_is_too_narrow_for_a_table() -> None:
    lines = on_terminal(40, "list", "attacks").splitlines()

    start = lines.index("ridge")
    assert lines[start + 1].startswith("    access black_box")
    assert max(map(len, lines)) <= 40


def results() -> list[Record]:
    return [record("dp_ir", "ridge", [20.0, 21.0], [0.1, 0.2]) for _ in CELLS]


@pytest.mark.parametrize(("width", "columns"), [(80, {"leak_r2", "identified"}), (200, {"attack_seconds"})])
def test_the_results_of_a_run_are_a_table_on_narrow_terminals_too(
    width: int, columns: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    terminal: Any = SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(console, "sys", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    scored = [
        each.model_copy(
            update={
                "row": each.row.model_copy(
                    update={"identified": 0.5, "leak_r2": 0.5, "attack_seconds": 12.5, "accuracy": 0.5}
                )
            }
        )
        for each in results()
    ]

    print_results(CELLS, scored, tmp_path)

    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "dataset photos, model lenet5, split relu1, seed 0"
    assert {"defense", "attack", "psnr_db", *columns} <= set(lines[3].split())
    assert "status" not in lines[3]
    assert len(lines[4:-2]) == len(CELLS)
    assert max(map(len, lines[:-1])) <= width
    assert lines[-1] == f"Wrote {tmp_path / 'leaderboard.csv'}"
