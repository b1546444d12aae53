"""The table of ``mia-bench splits`` while its cells are computed."""

import io
import re
from typing import Any

import pytest
from mia_bench.benchmark.cli.split_progress import filling
from mia_bench.benchmark.runner import progress
from mia_bench.benchmark.runner.countdown import Countdown
from mia_bench.benchmark.splits.lines import Line
from rich.console import Console

from ...helpers.boards import cell

LABEL = "photos lenet5 relu1 undefended seed 0 ridge"


def lines(records: Any) -> list[Line]:
    leak = {each.row.split: each.row.psnr_db for each in records}
    return [Line(split=split, wire_kb=1.0, psnr_db=leak.get(split)) for split in ("conv1", "relu1")]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_finished_cell_fills_its_line_at_once(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, _environ={"TERM": "xterm"})
    monkeypatch.setattr(progress, "stderr_console", lambda: console)
    display = filling(lines, [])({LABEL: "relu1 ridge"}, Countdown(9.0, {LABEL: 9.0}))

    with display:
        display.finished(LABEL, cell("undefended", "{}", "ridge", 31.4, split="relu1"))

    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())  # type: ignore[attr-defined]
    assert bool(re.search(r"relu1 +1\.00 +31\.40", text)) is terminal
    assert ("[1/1] relu1 ridge" in text) is not terminal
