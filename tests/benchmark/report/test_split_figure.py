"""The static figure of leak against cost."""

from dataclasses import replace

from mia_bench.benchmark.report.content import content
from mia_bench.benchmark.report.split_figure import CEILING_DB, leak_and_costs, split_points

from ...helpers.boards import cells

ROWS = cells(splits=("conv1", "relu2"))
SCENARIOS = content([each.row for each in ROWS], {each.row.cell_id: each for each in ROWS}).scenarios


def test_the_splits_of_a_defense_are_joined_in_the_order_of_the_network() -> None:
    bytes_sent, latency, energy = leak_and_costs(split_points(SCENARIOS, "wifi", "psnr_db")).axes

    leaks = [[setting.line["psnr_db"] for setting in scenario.settings if setting.undefended] for scenario in SCENARIOS]
    assert any([*line.get_ydata()] == [leaks[0][0], leaks[1][0]] for line in bytes_sent.lines)
    assert [axes.get_xscale() for axes in (bytes_sent, latency, energy)] == ["log"] * 3
    assert "modelled" in latency.get_xlabel()


def test_the_chosen_line_is_complete_keeps_the_utility_and_leaks_least() -> None:
    points = split_points(SCENARIOS, "wifi", "psnr_db")

    (chosen,) = [point for point in points if point.chosen]
    assert (chosen.label, chosen.leak) == ("sealed", min(each.leak for each in points if each.label == "sealed"))


def test_exact_reconstructions_do_not_squeeze_the_other_points() -> None:
    first, *others = split_points(SCENARIOS, "wifi", "psnr_db")

    axes = leak_and_costs([replace(first, leak=100.0), *others]).axes[0]

    assert max(max(line.get_ydata()) for line in axes.lines) == CEILING_DB
    assert "at most 50 shown" in axes.get_ylabel()
