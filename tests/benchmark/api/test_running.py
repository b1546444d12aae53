"""``mia_bench.run``, ``rank`` and ``plot``."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import mia_bench
import pandas as pd
import pydantic
import pydantic_core
import pytest
import torch
from mia_bench.benchmark import api
from mia_bench.benchmark.evaluation import evaluate as evaluation
from mia_bench.benchmark.leaderboard.loading import load_boards
from mia_bench.benchmark.leaderboard.ranking import rank as rank_rows
from mia_bench.benchmark.leaderboard.records import COLUMNS
from mia_bench.benchmark.runner import run as runner
from mia_bench.defenses.dp_ir import DpIr

from ...helpers.trees import image_tree

CHOICES: dict[str, Any] = {
    "dataset": "imagefolder:size=16",
    "model": "lenet5",
    "splits": "conv1",
    "images": 4,
    "attacks": ["ridge"],
    "defenses": [DpIr(clip=1.0), {"name": "topk", "tuning_epochs": 0}],
    "options": {"sigma": [0.5, 0.1]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where images and results lie."""
    root = tmp_path_factory.mktemp("notebook")
    image_tree(root / "images")
    return root


def run(folder: Path, **changes: Any) -> pd.DataFrame:
    given = {**CHOICES, "data_dir": folder / "images", "out": folder / "results", "quiet": True, **changes}
    return mia_bench.run(**given)


class Slow(pydantic.BaseModel):
    """Is interrupted while it is written."""

    value: int = 0

    @pydantic.field_serializer("value")
    def _while_the_user_presses_ctrl_c(self, value: int) -> int:
        signal.raise_signal(signal.SIGINT)
        return value


def press_ctrl_c(swallow: type[BaseException], *_: object) -> float:
    """Interrupt this process in a place where a library swallows one of the exceptions that follow."""
    with suppress(swallow):
        Slow().model_dump()
    return 0.0


@pytest.mark.slow
def test_a_board_has_the_rows_of_the_request_in_the_order_of_the_plan(folder: Path) -> None:
    board = run(folder)

    assert list(board.columns) == COLUMNS
    assert board["defense"].tolist() == [name for name in ("undefended", "dp_ir", "dp_ir", "topk") for _ in range(2)]
    assert board["attack"].tolist() == ["ridge", "mean_image"] * 4
    assert ['"sigma":0.5' in params for params in board["defense_params"][2:6]] == [True, True, False, False]
    assert all('"clip":1.0' in params for params in board["defense_params"][2:6])
    assert set(zip(board["status"], board["reason"], strict=True)) == {("done", "")}
    written = pd.read_csv(folder / "results" / "leaderboard.csv")
    assert sorted(written["cell_id"]) == sorted(board["cell_id"])


@pytest.mark.slow
def test_a_second_run_computes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(folder)
    monkeypatch.setattr(runner, "run_job", None)

    pd.testing.assert_frame_equal(pd.DataFrame(run(folder)), pd.DataFrame(first))


@pytest.mark.slow
def test_a_run_leaves_the_number_of_threads_as_it_was(folder: Path) -> None:
    torch.set_num_threads(2)
    try:
        run(folder)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_a_board_displays_names_with_parameters_and_few_columns(folder: Path) -> None:
    board = run(folder)

    for text in (repr(board), board._repr_html_()):
        assert "dp_ir:clip=1.0,sigma=0.5" in text
        assert "psnr_db" in text
        assert "finished_at" not in text
    assert len(board[board["attack"] == "ridge"].columns) == len(COLUMNS)
    assert "finished_at" in board[["finished_at"]]._repr_html_()


def test_rank_of_a_board_is_that_of_the_command(folder: Path) -> None:
    board = run(folder)

    ranked = mia_bench.rank(board)

    expected = rank_rows(*load_boards([folder / "results"]))
    pd.testing.assert_frame_equal(pd.DataFrame(ranked), expected)
    assert set(ranked["worst_case"]) == {"per image"}
    assert "accuracy_undefended" not in repr(ranked)


def test_rank_takes_a_part_of_a_board_and_files(folder: Path) -> None:
    board = run(folder)
    part = board[board["defense"] != "topk"]

    assert set(mia_bench.rank(part)["defense"]) == {"undefended", "dp_ir"}
    assert len(mia_bench.rank(folder / "results" / "leaderboard.csv")) == 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"defenses": "dp_irr"}, "Unknown defense 'dp_irr'. Did you mean 'dp_ir'"),
        ({"defenses": [3]}, "Expected a name, a table with a name, or a component among the defenses, got 3."),
        ({"options": {"sigmma": 1}}, "Did you mean 'sigma'"),
        ({"options": {"defense": 1}}, "Did you mean 'defenses'"),
        ({"jobs": 0}, "Expected jobs to be a whole number of at least 1, such as 2, got 0."),
        (
            {"seeds": [0, -1]},
            r"Expected seeds to be one or several whole numbers from 0 to 2\*\*63 - 1, such as 0, got -1.",
        ),
        ({"device": "gpu"}, "Expected device to be auto, cpu or cuda, got 'gpu'."),
        ({"images": "4"}, "Expected images to be a whole number of at least 1, such as 64, got '4'."),
        ({"suite": "nowhere"}, "Unknown suite 'nowhere'"),
        ({"splits": "conv9"}, "Unknown split 'conv9'"),
        ({"attacks": []}, r"Expected at least one name in attacks, got \[\]. Leave out attacks for all standard ones."),
    ],
)
def test_bad_usage_is_one_sentence(changes: dict[str, Any], words: str, folder: Path) -> None:
    with pytest.raises(mia_bench.UsageError, match=words):
        run(folder, **changes)


def test_a_frame_that_is_no_leaderboard_is_refused() -> None:
    with pytest.raises(mia_bench.UsageError, match="The data frame is not a leaderboard"):
        mia_bench.rank(pd.DataFrame({"a": [1]}))


@pytest.mark.slow
def test_an_interrupted_run_keeps_finished_cells(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compute, calls = runner.run_job, []

    def interrupted(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return compute(*args)

    monkeypatch.setattr(runner, "run_job", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(folder, out=tmp_path)
    assert len(pd.read_csv(tmp_path / "leaderboard.csv")) == 2

    run(folder, out=tmp_path)
    assert len(calls) == 3 + 6


@pytest.mark.slow
@pytest.mark.parametrize("swallow", [KeyboardInterrupt, pydantic_core.PydanticSerializationError])
def test_a_cell_in_which_a_signal_came_is_not_recorded_whatever_became_of_its_exception(
    swallow: type[BaseException], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(evaluation, "overlap", partial(press_ctrl_c, swallow))
    try:
        with pytest.raises(KeyboardInterrupt):
            run(folder, out=tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)

    assert not list((tmp_path / "cells").glob("*.json"))


@pytest.mark.slow
def test_a_script_without_a_guard_may_use_several_processes(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    choices = {**CHOICES, "defenses": ["dp_ir"], "data_dir": str(folder / "images"), "out": str(tmp_path / "results")}
    script.write_text(
        f"import mia_bench\nprint('begun')\nboard = mia_bench.run(**{choices!r}, jobs=2)\nprint(set(board['status']))\n"
    )
    done = subprocess.run([sys.executable, script], text=True, capture_output=True, check=False, env=dict(os.environ))

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["begun", "{'done'}"]
    assert "Running 6 cells: " in done.stderr


def test_the_public_names_load_lazily() -> None:
    code = "import mia_bench, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)

    assert done.stdout == "False\n"
    assert (mia_bench.run, mia_bench.rank, mia_bench.plot) == (api.run, api.rank, api.plot)


def test_a_plot_without_matplotlib_names_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(mia_bench.UsageError, match=r"pip install 'mia-bench\[figures\]'"):
        mia_bench.plot(folder / "results")


def test_a_plot_is_the_figure_of_the_report(folder: Path) -> None:
    matplotlib.use("agg")
    board = run(folder)

    figure = mia_bench.plot(board, measure="ssim")

    (axes,) = figure.axes
    assert axes.get_xlabel() == "worst case over attacks, SSIM"
    assert not axes.spines["top"].get_visible()
    assert len(axes.containers) == len(mia_bench.rank(board))


def test_a_plot_of_several_places_is_refused(folder: Path) -> None:
    board = run(folder)
    other = board.assign(split="relu1", cell_id=[each[::-1] for each in board["cell_id"]])

    with pytest.raises(mia_bench.UsageError, match=r"Expected boards of one dataset, model and split, got .*relu1"):
        mia_bench.plot(board, other)
