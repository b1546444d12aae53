"""Draw what splits leak against what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from .content import Scenario
from .defenses import DefenseSummary
from .figure_style import GRAY, TITLES, mark_of, name_points
from .looks import Look

COSTS = {
    "wire_bytes": "bytes sent per image",
    "latency_ms": "latency in ms, modelled",
    "energy_mj": "energy in mJ, modelled",
}
"""The axes of a figure, one chart for each."""
CHOSEN = "#10683b"
NO_LEAK = "mean image: no leak"
CEILING_DB = 50.0
"""PSNR from which reconstructions look the same; points above it are drawn at it, or they would squeeze all others."""
KEPT = 0.95
"""Least share of the undefended utility that the chosen line of a board keeps, as on the page."""


@dataclass(frozen=True, kw_only=True)
class SplitPoint:
    """A split with a defense, or a baseline.

    Attributes:
        series: What points are joined by, such as the model and the defense; in the order of the network.
        label: What the legend calls the series.
        name: What the point is called; empty for no name.
        look: The color and the mark.
        leak: PSNR or SSIM of the worst case.
        costs: Values by the keys of ``COSTS``, as far as they are known.
        chosen: Whether this is the line that was chosen.

    Example:
        >>> look = Look("#000000", "#ffffff", mark=0)
        >>> SplitPoint(series="a", label="a", name="conv1", look=look, leak=20.0, costs={}).chosen
        False
    """

    series: str
    label: str
    name: str
    look: Look
    leak: float
    costs: dict[str, float]
    chosen: bool = False


def split_points(scenarios: Sequence[Scenario], network: str, measure: str) -> list[SplitPoint]:
    """Return the points of all settings of some scenarios, which are in the order of their networks."""
    several, best = len({scenario.model for scenario in scenarios}) > 1, _best(scenarios, measure)
    found = []
    for scenario in scenarios:
        for setting in scenario.settings:
            costs = {**setting.costs.get(network, {}), "wire_bytes": setting.line["wire_bytes"]}
            model = f"{scenario.model} " if several else ""
            if setting.line[measure] is not None:
                point = SplitPoint(
                    series=f"{scenario.dataset} {scenario.model} {scenario.n_images} {setting.label}",
                    label=setting.name,
                    name=f"{model}{scenario.split}" if setting.undefended else "",
                    look=scenario.looks[setting.name],
                    leak=setting.line[measure],
                    costs={name: value for name, value in costs.items() if value is not None},
                    chosen=setting is best,
                )
                found.append(point)
    return found


def _best(scenarios: Sequence[Scenario], measure: str) -> DefenseSummary | None:
    """Return the complete setting that leaks least, of those that keep enough utility, and then sends least."""
    able = [
        setting
        for scenario in scenarios
        for setting in scenario.settings
        if not setting.line["incomplete"] and (setting.line["utility_kept"] or 0) >= KEPT
    ]
    able = [setting for setting in able if setting.line[measure] is not None]
    return min(able, key=lambda each: (each.line[measure], each.line["wire_bytes"] or 0), default=None)


def leak_and_costs(
    points: Sequence[SplitPoint], *, measure: str = "psnr_db", zero: float | None = None, title: str = ""
) -> Figure:
    """Draw the leak against bytes, modelled latency and modelled energy, with the splits of a network joined in order.

    Args:
        points: Splits with defenses, each series in the order of its network.
        measure: ``psnr_db`` or ``ssim``.
        zero: Score of the mean image; None draws no line for it.
        title: What stands above the charts.
    """
    label = TITLES[measure]
    if measure == "psnr_db" and any(point.leak > CEILING_DB for point in points):
        points = [replace(point, leak=min(point.leak, CEILING_DB)) for point in points]
        label = f"{label}, at most {CEILING_DB:g} shown"
    shown = [cost for cost in COSTS if any(_drawable(point, cost) for point in points)] or ["wire_bytes"]
    figure = Figure(figsize=(3.6 * len(shown) + 1.2, 3.6), dpi=200, layout="constrained")
    grid = figure.subplots(1, len(shown), squeeze=False, sharey=True)[0]
    for axes, cost in zip(grid, shown, strict=True):
        _draw(axes, [point for point in points if _drawable(point, cost)], cost)
        if zero is not None:
            axes.axhline(zero, color=GRAY, linestyle="--", linewidth=0.9, label=NO_LEAK)
    figure.suptitle(title, x=0, ha="left", fontsize=9)
    grid[0].set_ylabel(f"worst case over attacks, {label}")
    named = {}
    for axes in grid:
        named |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    if named:
        order = sorted(named, key=lambda name: (name in ("chosen", NO_LEAK), name))
        figure.legend([named[name] for name in order], order, loc="outside right upper", frameon=False)
    figure.draw_without_rendering()
    for axes, cost in zip(grid, shown, strict=True):
        spots = [(point.costs[cost], point.leak, point.name) for point in points if _drawable(point, cost)]
        name_points(axes, [spot for spot in spots if spot[2]], [spot[:2] for spot in spots])
    return figure


def _drawable(point: SplitPoint, cost: str) -> bool:
    return point.costs.get(cost, 0) > 0


def _draw(axes: Axes, points: Sequence[SplitPoint], cost: str) -> None:
    axes.set(xscale="log", xlabel=COSTS[cost])
    axes.xaxis.set_major_formatter(LogFormatter())
    axes.xaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))
    for series in dict.fromkeys(point.series for point in points):
        own = [point for point in points if point.series == series]
        style = mark_of(own[0].look)
        x, y = [point.costs[cost] for point in own], [point.leak for point in own]
        axes.plot(x, y, color=style["color"], linewidth=0.9, alpha=0.5, zorder=1)
        axes.plot(
            x, y, linestyle="none", label=own[0].label, zorder=2, markeredgecolor="white", markeredgewidth=0.5, **style
        )
    for point in points:
        if point.chosen:
            ring = {"markersize": 13, "markerfacecolor": "none", "markeredgewidth": 1.6}
            axes.plot(
                [point.costs[cost]], [point.leak], marker="o", color=CHOSEN, linestyle="none", label="chosen", **ring
            )
