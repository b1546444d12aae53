"""How a run is shown: on a terminal, in a pipe, before it begins."""

import io
import re
from types import SimpleNamespace
from typing import Any

import pytest
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.runner import progress
from mia_bench.benchmark.runner.cell_labels import divided_labels
from mia_bench.benchmark.runner.countdown import Countdown
from mia_bench.benchmark.runner.estimates import RunEstimate
from mia_bench.benchmark.runner.opening import SHORT_RUN, opening
from mia_bench.benchmark.runner.progress import Display
from rich.console import Console

LABELS = {f"photos lenet5 relu1 dp_ir seed 0 {attack}": f"dp_ir {attack}" for attack in ("ridge", "pinv")}
DONE: Any = SimpleNamespace(
    row=SimpleNamespace(status="done", psnr_db=25.123, ssim=0.6671, attack_seconds=4.9, reason=None)
)
FAILED: Any = SimpleNamespace(
    row=SimpleNamespace(status="failed", psnr_db=None, ssim=None, attack_seconds=None, reason="no\x1b[2Jmemory")
)


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, width: int = 80) -> str:
    """What a run of two cells, one of which fails, writes to stderr."""
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width, _environ={"TERM": "xterm"})
    monkeypatch.setattr(progress, "stderr_console", lambda: console)
    with Display(LABELS, Countdown(100.0, dict.fromkeys(LABELS, 50.0))) as display:
        for label, record in zip(LABELS, (DONE, FAILED), strict=True):
            display.started(label)
            display.finished(label, record)
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


@pytest.mark.parametrize("width", [80, 100])
def test_finished_cells_stand_above_the_bar(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown(monkeypatch, terminal=True, width=width)).replace("\r", "\n")
    lines = [line.rstrip() for line in text.splitlines()]

    assert "dp_ir ridge   25.12 dB  SSIM 0.667  5 s" in lines
    assert "dp_ir pinv   failed: no\\x1b[2Jmemory" in lines
    assert any(re.search(r"━ 0/2 0:00:00 \d min left$", line) for line in lines)
    assert max(map(len, lines)) <= width


def test_a_pipe_gets_one_line_for_each_cell_and_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = shown(monkeypatch, terminal=False).splitlines()

    assert re.fullmatch(r"\[1/2\] dp_ir ridge   25\.12 dB  SSIM 0\.667  5 s  \(about \d+ s left\)", first)
    assert second == "[2/2] dp_ir pinv  failed: no\\x1b[2Jmemory"


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


def test_the_time_left_is_the_estimate_at_first_and_then_follows_what_was_measured(clock: list[float]) -> None:
    countdown = Countdown(100.0, dict.fromkeys("abcd", 25.0), clock=lambda: clock[0])

    assert countdown.left() == 100
    countdown.started("a")
    clock[0] = 10
    assert countdown.left() == 90

    clock[0] = 50  # twice as slow as expected
    countdown.finished("a")
    assert 120 < countdown.left() < 140
    for label in "bcd":
        countdown.finished(label)
    assert countdown.left() == 0


def test_a_cell_that_takes_longer_than_expected_leaves_the_time_of_the_others(clock: list[float]) -> None:
    countdown = Countdown(100.0, dict.fromkeys("ab", 50.0), clock=lambda: clock[0])
    countdown.started("a")
    clock[0] = 1000

    assert countdown.left() == 50 + 5  # a tenth of the running cell


def test_cells_without_timing_data_count_as_the_others(clock: list[float]) -> None:
    countdown = Countdown(10.0, {"a": 10.0, "b": None}, clock=lambda: clock[0])
    clock[0] = 10
    countdown.finished("a")

    assert 8 < countdown.left() < 12


def test_a_target_that_is_trained_first_does_not_count_against_the_cells_behind_it(clock: list[float]) -> None:
    countdown = Countdown(60.0 + 40.0, dict.fromkeys("abcd", 10.0), {"a": 60.0}, clock=lambda: clock[0])
    countdown.started("a")
    clock[0] = 70
    countdown.finished("a")

    assert countdown.left() == pytest.approx(30)


def test_labels_say_once_what_all_cells_share() -> None:
    cells = plan(Request(dataset="photos", attacks=["ridge"], defenses=["dp_ir:sigma=0.1"], seeds=(0, 1)))

    shared, names = divided_labels(cells)

    assert shared == "photos lenet5 relu1"
    assert list(names.values())[-2:] == ["dp_ir:sigma=0.1 seed 1 ridge", "dp_ir:sigma=0.1 seed 1 mean_image"]
    assert divided_labels(cells[:1])[0] == "photos lenet5 relu1, seed 0"
    assert divided_labels([]) == ("", {})


def test_cells_that_differ_in_the_number_of_images_are_told_apart() -> None:
    parts = [Request(dataset="photos", attacks=["ridge"], defenses=["undefended"], images=count) for count in (1, 8)]

    _, names = divided_labels(plan(*parts))

    assert list(names.values()) == [
        *("undefended ridge 1 image", "undefended mean_image 1 image"),
        *("undefended ridge 8 images", "undefended mean_image 8 images"),
    ]


def test_a_run_says_how_long_it_takes_and_a_long_one_names_a_shorter_one() -> None:
    cells = plan(Request(dataset="photos", attacks=["ridge"], defenses=["dp_ir"]))
    short = RunEstimate(95, dict.fromkeys(cells, 10.0), {})
    long = RunEstimate(3600, {**dict.fromkeys(cells, 10.0), cells[0]: None}, {})

    assert [*opening(4, short, "photos")] == ["Running 4 cells: photos.", "Expected time: about 2 min."]
    assert [*opening(6, long, "")] == [
        "Running 4 of 6 cells (2 already done).",
        "Expected time: about 60 min. Cells without timing data, which are not included: 1.",
        f"Finished cells are saved, so the run can be interrupted. For a quick look: {SHORT_RUN}",
    ]
    assert [*opening(6, RunEstimate(0, {}, {}), "")] == ["All 6 cells are already done."]
