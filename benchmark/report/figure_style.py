"""Define the style of static figures: colors and shapes as on the page, the axis of utility, and labels of points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from .content import Scenario
from .defenses import DefenseSummary
from .looks import MARKS, Look

TITLES = {"psnr_db": "PSNR in dB", "ssim": "SSIM"}
GRAY = "#77756f"
STYLE: dict[str, Any] = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e2dd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "mia-bench",
}
"""Settings of matplotlib. The fixed salt makes files of the same results identical."""
LABEL: dict[str, Any] = {"fontsize": 7, "path_effects": [withStroke(linewidth=2, foreground="white")]}
ACCURACY_TICKS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
MAX_DRAWN_ACCURACY = 0.9999
"""Accuracies above this are drawn here, as the logarithm of an error of zero is infinite."""
HIGH_ACCURACY = 0.9
"""Accuracy from which a linear axis hides the cost of defenses."""


def marker(scenario: Scenario, defense: str) -> dict[str, Any]:
    """Return the color and shape of a defense, which are the same in all figures of a board."""
    return mark_of(scenario.looks[defense])


def mark_of(look: Look) -> dict[str, Any]:
    """Return a color and a shape for matplotlib."""
    return {"color": look.light, "marker": MARKS[look.mark], "markersize": 8.5 if look.mark == 0 else 6}


def utility_axis(axes: Axes, utilities: Sequence[float]) -> None:
    """Draw utility in percent on the y axis. High utilities get a logarithmic scale of what is missing to 1."""
    if max(utilities) >= HIGH_ACCURACY:
        axes.set_yscale("function", functions=(_bend, _unbend))
        low, high = _bend(np.array([min(utilities), max(utilities)]))
        room = 0.06 * (high - low or 1)
        bottom, top = _unbend(np.array([max(0.0, low - room), high + room])).tolist()
        axes.set_ylim(bottom, top)
        axes.set_yticks(_apart([tick for tick in reversed(ACCURACY_TICKS) if bottom <= tick <= top], axes))
        axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")


def _apart(ticks: Sequence[float], axes: Axes) -> list[float]:
    """Return the ticks whose labels do not overlap."""
    kept: list[float] = []
    heights = [axes.transData.transform((0, tick))[1] for tick in ticks]
    for tick, height in zip(ticks, heights, strict=True):
        if not kept or heights[ticks.index(kept[-1])] - height >= 11 * axes.figure.dpi / 72:
            kept.append(tick)
    return kept


def _bend(utility: Any) -> Any:
    return -np.log(1 - np.clip(utility, 0, MAX_DRAWN_ACCURACY))


def _unbend(height: Any) -> Any:
    return 1 - np.exp(-np.asarray(height))


def name_points(axes: Axes, points: Iterable[tuple[float, float, str]], others: Iterable[tuple[float, float]]) -> None:
    """Draw labels next to points, in order of priority. Labels that would cover a point or another label are left out.

    Args:
        axes: Axes with final limits.
        points: x, y and label of each point to label.
        others: x and y of all points, which labels must not cover.
    """
    scale = axes.figure.dpi / 72
    taken = []
    for other in others:
        across, up = axes.transData.transform(other)
        taken.append(_around(across, up, 4 * scale))
    inside = axes.get_window_extent()
    for x, y, text in points:
        center = axes.transData.transform((x, y))
        width, height = 4.3 * len(text) * scale, 9 * scale
        wide = width / scale
        beside = (6, -3), (-6 - wide, -3), (6, 5), (6, -14), (-wide / 2, 6), (-wide / 2, -14)
        for dx, dy in beside:
            left, bottom = center[0] + dx * scale, center[1] + dy * scale
            box = left, bottom, left + width, bottom + height
            fits = inside.x0 <= box[0] and box[2] <= inside.x1 and inside.y0 <= box[1] and box[3] <= inside.y1
            if fits and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                axes.annotate(text, (x, y), (dx, dy), textcoords="offset points", **LABEL)
                break


Box = tuple[float, float, float, float]


def _around(x: float, y: float, half: float) -> Box:
    return x - half, y - half, x + half, y + half


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def arms(settings: Sequence[DefenseSummary], measure: str) -> list[list[float]]:
    """Return error bars [down, up] of each setting: the interval, or the range over seeds if it is wider."""
    bars: list[list[float]] = [[], []]
    for setting in settings:
        value = setting.line[measure]
        if value is None:
            value = math.nan
        ends = [value, *setting.ranges.get(measure, ()), *setting.seeds.get(measure, ())]
        bars[0].append(value - min(ends))
        bars[1].append(max(ends) - value)
    return bars


def reference(scenario: Scenario, measure: str) -> float | None:
    """Return the mean score of the reference attack, which ignores the wire."""
    values = [cell[measure] for each in scenario.settings for cell in each.cells if cell["reference"]]
    scored = [value for value in values if value is not None]
    return math.fsum(scored) / len(scored) if scored else None
