"""Draw how leak and utility change with the strength of each defense."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .content import Scenario
from .curves import Curve
from .figure_style import GRAY, TITLES, arms, marker, reference, utility_axis

CHARTS_PER_ROW = 5


def strength(scenario: Scenario, measure: str = "psnr_db") -> Figure:
    """Draw a pair of charts for each curve of a scenario: leak above, utility below, all with the same axes.

    Args:
        scenario: Scenario with at least one curve.
        measure: ``psnr_db`` or ``ssim``.
    """
    columns = min(CHARTS_PER_ROW, len(scenario.curves))
    blocks = -(-len(scenario.curves) // columns)
    figure = Figure(figsize=(1.6 * columns, 2.7 * blocks), dpi=200, layout="constrained")
    grid = figure.subplots(2 * blocks, columns, squeeze=False, height_ratios=[3, 2] * blocks)
    for index in range(blocks * columns):
        block, column = divmod(index, columns)
        above, below = grid[2 * block][column], grid[2 * block + 1][column]
        if index >= len(scenario.curves):
            above.set_visible(False)
            below.set_visible(False)
            continue
        _draw_leak(above, scenario, scenario.curves[index], measure)
        _draw_utility(below, scenario, scenario.curves[index])
        if column == 0:
            above.set_ylabel(TITLES[measure])
            below.set_ylabel(scenario.metric)
    return figure


def _draw_leak(axes: Axes, scenario: Scenario, curve: Curve, measure: str) -> None:
    _draw(axes, scenario, curve, measure)
    zero = reference(scenario, measure)
    leaks = [each.line[measure] for each in scenario.settings if each.line[measure] is not None]
    if zero is not None:
        axes.axhline(zero, color=GRAY, linestyle="--", linewidth=0.9)
        leaks.append(zero)
    room = 0.06 * (max(leaks) - min(leaks) or 1)
    axes.set(title=f"{curve.defense} {curve.fixed}".strip(), ylim=(min(leaks) - room, max(leaks) + room))
    axes.tick_params(labelbottom=False)


def _draw_utility(axes: Axes, scenario: Scenario, curve: Curve) -> None:
    _draw(axes, scenario, curve, "utility")
    utility_axis(axes, [each.line["utility"] for each in scenario.settings if each.line["utility"] is not None])
    axes.set_xlabel(curve.param)


def _draw(axes: Axes, scenario: Scenario, curve: Curve, measure: str) -> None:
    settings = [scenario.settings[position] for _, position in curve.points]
    x = list(range(len(settings))) if curve.scale == "category" else [value for value, _ in curve.points]
    y = [math.nan if each.line[measure] is None else each.line[measure] for each in settings]
    style = {**marker(scenario, curve.defense), "linewidth": 1.2, "elinewidth": 0.8}
    axes.errorbar(x, y, yerr=arms(settings, measure), **style)
    axes.set_xscale("log" if curve.scale == "log" else "linear")
    axes.set_xticks(x, [value if isinstance(value, str) else f"{value:g}" for value, _ in curve.points])
    axes.minorticks_off()
