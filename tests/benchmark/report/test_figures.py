"""Static figures for papers."""

import itertools
import sys
from pathlib import Path

import pytest
from mia_bench.benchmark.report.content import content
from mia_bench.benchmark.report.figure_style import HIGH_ACCURACY
from mia_bench.benchmark.report.figures import drawings
from mia_bench.benchmark.report.strength_figure import strength
from mia_bench.benchmark.report.tradeoff_figure import front, tradeoff
from PIL import Image

from ...helpers.boards import HOSTILE, cell, cells, near_front, write
from ...helpers.commands import mia_bench

ROWS = cells()
(SCENARIO,) = content([each.row for each in ROWS], {each.row.cell_id: each for each in ROWS}).scenarios


@pytest.mark.slow
def test_figures_are_written_as_png_and_svg_and_again_byte_for_byte(tmp_path: Path) -> None:
    board = write(tmp_path / "results", cells(splits=("conv1", "relu2")), pictured=False)
    folders = [tmp_path / "one", tmp_path / "two"]

    for folder in folders:
        result = mia_bench("report", board, "-o", tmp_path / "page.html", "--figures", folder)
        assert result.exit_code == 0, result.stderr

    names = sorted(path.name for path in folders[0].iterdir())
    assert sorted(names, key=lambda name: (name.startswith("costs"), name)) == sorted(
        f"d-m-{split}-6-{figure}.{suffix}"
        for split in ("conv1", "relu2")
        for figure in ("tradeoff-psnr", "tradeoff-ssim", "strength")
        for suffix in ("png", "svg")
    ) + [f"costs-{measure}.{suffix}" for measure in ("psnr", "ssim") for suffix in ("png", "svg")]
    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in names)
    with Image.open(folders[0] / "d-m-conv1-6-tradeoff-psnr.png") as figure:
        assert figure.width > 1000
    assert "<script" not in (folders[0] / "d-m-conv1-6-tradeoff-psnr.svg").read_text()


def test_each_setting_is_a_point_and_the_incomplete_and_flagged_ones_are_hollow() -> None:
    (axes,) = tradeoff(SCENARIO).axes

    drawn = {
        (line.get_xdata()[0], line.get_ydata()[0]): line.get_markerfacecolor()
        for line in axes.lines
        if line.get_marker() not in ("None", None, "")
    }
    assert set(drawn) == {(each.line["psnr_db"], each.line["accuracy"]) for each in SCENARIO.settings}
    doubtful = {
        each.label for each in SCENARIO.settings if drawn[each.line["psnr_db"], each.line["accuracy"]] == "white"
    }
    assert doubtful == {HOSTILE, "noise:sigma=0.1"}


def test_settings_whose_kept_utility_is_unknown_are_drawn_but_not_on_the_front() -> None:
    facts = {"task": "regression", "utility_metric": "r2", "accuracy": None, "accuracy_undefended": None}
    rows = [cell(name, "{}", "ridge", 20.0, utility=-0.2, **facts) for name in ("undefended", "noise")]
    (scenario,) = content([each.row for each in rows], {each.row.cell_id: each for each in rows}).scenarios

    (axes,) = tradeoff(scenario).axes

    assert [each.rivals["psnr_db"] for each in scenario.settings] == [None, None]
    assert len({line.get_ydata()[0] for line in axes.lines if line.get_marker() not in ("None", None, "")}) == 1


def test_the_line_of_the_front_rises_where_neighbors_differ_within_their_intervals() -> None:
    rows = near_front()
    (scenario,) = content([each.row for each in rows], {each.row.cell_id: each for each in rows}).scenarios
    on_front = front(scenario.settings, "psnr_db")

    (axes,) = tradeoff(scenario).axes

    (line,) = [each.get_ydata() for each in axes.lines if each.get_drawstyle() == "steps-post"]
    assert [each.line["utility"] for each in on_front] == [0.985, 0.984, 0.99]
    assert list(line[1:]) == [0.985, 0.99, 0.99]


@pytest.mark.parametrize(("defenses", "columns"), [(15, 1), (16, 2)])
def test_a_long_legend_has_columns(defenses: int, columns: int) -> None:
    rows = [cell(f"noise{number}", "{}", "ridge", 20.0 + number / 10) for number in range(defenses)]
    (scenario,) = content([each.row for each in rows], {each.row.cell_id: each for each in rows}).scenarios

    (axes,) = tradeoff(scenario).axes

    assert axes.get_legend()._ncols == columns


@pytest.mark.slow
def test_each_scenario_has_its_own_figures_whatever_its_name() -> None:
    rows = [cell("noise", "{}", "ridge", 20.0, dataset=name, split=name) for name in ("写真", "データ")]
    found = [name for name, _ in drawings(content([each.row for each in rows], {}))]

    assert len(set(found)) == len(found) == 2 * 2 * 2 * 2


def test_the_axis_of_high_accuracies_gives_each_halving_of_the_error_the_same_room() -> None:
    (axes,) = tradeoff(SCENARIO).axes

    heights = [axes.transData.transform((0, accuracy))[1] for accuracy in (0.6, 0.8, 0.9, 0.95)]
    steps = [high - low for low, high in itertools.pairwise(heights)]
    assert max(each.line["accuracy"] for each in SCENARIO.settings) >= HIGH_ACCURACY
    assert steps == pytest.approx([steps[0]] * 3)


def test_strength_has_a_pair_of_charts_for_each_curve() -> None:
    above, below = strength(SCENARIO).axes

    (scores, *_), (accuracies, *_) = above.lines, below.lines
    assert list(scores.get_xdata()) == [0.1, 1.0, 10.0]
    assert list(accuracies.get_ydata()) == [0.98, 0.95, 0.6]
    assert above.get_xscale() == "log"
    assert below.get_xlabel() == "sigma"


def test_without_matplotlib_one_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = write(tmp_path / "results", cells(), pictured=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    result = mia_bench("report", board, "-o", tmp_path / "page.html", "--figures", tmp_path / "figures")

    assert result.exit_code == 2
    assert "pip install 'mia-bench[figures]'" in result.stderr
    assert not (tmp_path / "page.html").exists()
