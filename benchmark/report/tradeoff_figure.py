"""Draw utility against what the attacks recover."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .content import Scenario
from .defenses import DefenseSummary
from .figure_style import GRAY, LABEL, TITLES, arms, marker, name_points, reference, utility_axis
from .notebook_figure import NotebookFigure

LEGEND_ROWS = 15
"""Defenses in a column of the legend, at most, which is then as high as the chart."""


def tradeoff(scenario: Scenario, measure: str = "psnr_db") -> Figure:
    """Draw all settings of a scenario, with the Pareto front as a line.

    Higher is more useful, and further left is more private.

    Args:
        scenario: Scenario of a report.
        measure: ``psnr_db`` or ``ssim``.
    """
    figure = NotebookFigure(figsize=(7, 3.8), dpi=200)
    axes = figure.add_subplot()
    axes.set(xlabel=f"worst case over attacks, {TITLES[measure]}", ylabel=scenario.metric)
    scored = [each for each in scenario.settings if each.line[measure] is not None and each.line["utility"] is not None]
    if not scored:
        return figure
    for setting in sorted(scored, key=lambda setting: setting.name):
        _draw(axes, scenario, setting, measure)
    utility_axis(axes, [setting.line["utility"] for setting in scored])
    axes.set_xlim(*axes.get_xlim())
    best = front(scored, measure)
    _draw_front(axes, best, measure)
    zero = reference(scenario, measure)
    if zero is not None:
        axes.axvline(zero, color=GRAY, linestyle="--", linewidth=0.9, zorder=1)
        text = {"rotation": 90, "ha": "right", "transform": axes.get_xaxis_transform(), **LABEL}
        axes.text(zero, 0.02, "mean image: no leak ", **text)
    handles, names = axes.get_legend_handles_labels()
    kept = dict(zip(names, handles, strict=True))
    columns = -(-len(kept) // LEGEND_ROWS)
    axes.legend(
        list(kept.values()), list(kept), loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, ncols=columns
    )
    named = {each.label: each for each in (*best, *_most_private(scored, measure))}.values()
    name_points(
        axes, [(*_spot(each, measure), each.label) for each in named], [_spot(each, measure) for each in scored]
    )
    return figure


def front(settings: Sequence[DefenseSummary], measure: str) -> list[DefenseSummary]:
    """Return the settings on the Pareto front of utility kept and the measure, ordered by the measure."""
    best = [each for each in settings if each.rivals[measure] == []]
    return sorted(best, key=lambda each: (each.line[measure], -each.line["utility_kept"]))


def _most_private(settings: Sequence[DefenseSummary], measure: str) -> list[DefenseSummary]:
    """Return the setting of each defense that leaks least."""
    found: dict[str, DefenseSummary] = {}
    for setting in sorted(settings, key=lambda setting: setting.line[measure]):
        found.setdefault(setting.name, setting)
    return list(found.values())


def _spot(setting: DefenseSummary, measure: str) -> tuple[float, float]:
    return setting.line[measure], setting.line["utility"]


def _draw(axes: Axes, scenario: Scenario, setting: DefenseSummary, measure: str) -> None:
    doubtful = setting.line["incomplete"] or setting.line["flags"]
    style = {**marker(scenario, setting.name), **({"markerfacecolor": "white"} if doubtful else {})}
    axes.errorbar(
        setting.line[measure],
        setting.line["utility"],
        xerr=arms([setting], measure),
        yerr=arms([setting], "utility"),
        label=setting.name,
        elinewidth=0.8,
        linestyle="none",
        **style,
    )


def _draw_front(axes: Axes, best: Sequence[DefenseSummary], measure: str) -> None:
    """Draw a line through those settings on the front that are more useful than all on it that leak less."""
    steps = list[tuple[float, float]]()
    for spot in (_spot(each, measure) for each in best):
        if not steps or spot[1] > steps[-1][1]:
            steps.append(spot)
    if steps:
        path = [(steps[0][0], axes.get_ylim()[0]), *steps, (axes.get_xlim()[1], steps[-1][1])]
        axes.plot(*zip(*path, strict=True), color="black", linewidth=1, drawstyle="steps-post", zorder=1)
