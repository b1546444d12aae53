"""Static figures for papers: trade-offs, and curves of strength."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .content import PLACE, Content, Place
from .settings import MEASURES, Setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {"psnr_db": "PSNR in dB", "ssim": "SSIM"}
FORMATS: dict[str, dict[str, Any]] = {"png": {"metadata": {"Software": None}}, "svg": {"metadata": {"Date": None}}}
"""What is written, without a date or a version, so that the same results give the same file."""


def check_installed() -> None:
    """Make sure that figures can be drawn.

    Raises:
        UsageError: if matplotlib is missing.
    """
    if find_spec("matplotlib") is None:
        raise UsageError("figures need matplotlib, which is not installed: pip install 'mia-bench[figures]'")


def drawings(content: Content) -> Iterator[tuple[str, bytes]]:
    """Draw all figures; each a file name and its contents."""
    import matplotlib

    from .look import STYLE

    for place in content.places:
        prefix = f"{_slug(place)}-" if len(content.places) > 1 else ""
        with matplotlib.rc_context(STYLE):
            figures = {f"tradeoff-{measure.removesuffix('_db')}": tradeoff(place, measure) for measure in MEASURES}
            if place.curves:
                figures["strength"] = strength(place)
            for name, figure in figures.items():
                for suffix, options in FORMATS.items():
                    target = BytesIO()
                    figure.savefig(target, format=suffix, dpi=200, bbox_inches="tight", **options)
                    yield f"{prefix}{name}.{suffix}", target.getvalue()


def _slug(place: Place) -> str:
    return re.sub(r"[^a-z0-9]+", "-", "-".join(str(getattr(place, name)) for name in PLACE).lower()).strip("-")


def tradeoff(place: Place, measure: str = "psnr_db") -> Figure:
    """Accuracy against what the attacks recover: up is useful, left is private."""
    from matplotlib.figure import Figure

    from .look import accuracy_axis, marker, name_points, reference

    figure = Figure(figsize=(7, 3.8), dpi=200)
    axes = figure.add_subplot()
    scored = [each for each in place.settings if each.line[measure] is not None and each.line["accuracy"] is not None]
    drawn: set[str] = set()
    for setting in scored:
        spot = setting.line[measure], setting.line["accuracy"]
        hollow = {"markerfacecolor": "white"} if setting.line["incomplete"] or setting.line["flags"] else {}
        label = None if setting.name in drawn else setting.name
        drawn.add(setting.name)
        axes.errorbar(
            *([value] for value in spot),
            xerr=_arms(setting, measure),
            yerr=_arms(setting, "accuracy"),
            label=label,
            elinewidth=0.8,
            linestyle="none",
            **marker(place, setting.name),
            **hollow,
        )
    axes.set(xlabel=f"worst case over attacks, {TITLES[measure]}", ylabel="accuracy")
    if scored:
        accuracy_axis(axes, [setting.line["accuracy"] for setting in scored])
        _draw_front(axes, scored, measure)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
        axes.set_xlim(*axes.get_xlim())
        nothing = reference(place, measure)
        if nothing is not None:
            axes.axvline(nothing, color="#77756f", linestyle="--", linewidth=0.9)
            axes.annotate("mean image: no leak", (nothing, 0.02), (-8, 0), rotation=90, **_BESIDE)
        best = [setting for setting in scored if setting in front(scored, measure) or setting.undefended]
        spots = [(setting.line[measure], setting.line["accuracy"]) for setting in scored]
        name_points(axes, [(each.line[measure], each.line["accuracy"], each.label) for each in best], spots)
    return figure


_BESIDE: Mapping[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "fontsize": 7}


def front(settings: Sequence[Setting], measure: str) -> list[Setting]:
    """Complete settings that no other complete one beats in accuracy and in the measure at once, by the measure.

    The rule of ``Line.pareto``, for any measure.
    """
    places = [(each, -each.line["accuracy"], each.line[measure]) for each in settings if not each.line["incomplete"]]
    best = [
        (leak, each)
        for each, loss, leak in places
        if not any(a <= loss and b <= leak and (a, b) != (loss, leak) for _, a, b in places)
    ]
    return [each for _, each in sorted(best, key=lambda pair: pair[0])]


def _draw_front(axes: Axes, settings: Sequence[Setting], measure: str) -> None:
    steps = [(each.line[measure], each.line["accuracy"]) for each in front(settings, measure)]
    if steps:
        bottom, right = axes.get_ylim()[0], axes.get_xlim()[1]
        path = [(steps[0][0], bottom), *steps, (right, steps[-1][1])]
        axes.plot(*zip(*path, strict=True), color="black", linewidth=1, drawstyle="steps-post", zorder=1)


def _arms(setting: Setting, measure: str) -> list[list[float]] | None:
    """Error bars from the interval, or from the seeds where those are wider apart."""
    value = setting.line[measure]
    ends = [*setting.ranges.get(measure, ()), *setting.seeds.get(measure, ())]
    return [[max(0.0, value - min(ends))], [max(0.0, max(ends) - value)]] if ends else None


def strength(place: Place, measure: str = "psnr_db") -> Figure:
    """For each defense that was run at several strengths: what the attacks recover, and the accuracy."""
    from matplotlib.figure import Figure

    from .look import accuracy_axis, marker, reference

    columns = min(4, len(place.curves))
    blocks = -(-len(place.curves) // columns)
    figure = Figure(figsize=(1.9 * columns, 2.9 * blocks), dpi=200, layout="constrained")
    grid = figure.subplots(2 * blocks, columns, squeeze=False, height_ratios=[3, 2] * blocks)
    accuracies = [each.line["accuracy"] for each in place.settings if each.line["accuracy"] is not None]
    leaks = [each.line[measure] for each in place.settings if each.line[measure] is not None]
    nothing = reference(place, measure)
    for index, curve in enumerate(place.curves):
        above, below = (grid[2 * (index // columns) + part][index % columns] for part in (0, 1))
        settings = [place.settings[position] for _, position in curve.points]
        x = list(range(len(settings))) if curve.scale == "category" else [value for value, _ in curve.points]
        for axes, name in ((above, measure), (below, "accuracy")):
            arms = [_arms(each, name) or [[0.0], [0.0]] for each in settings]
            bars = [[arm[side][0] for arm in arms] for side in (0, 1)]
            y = [each.line[name] for each in settings]
            axes.errorbar(x, y, yerr=bars, linewidth=1.2, elinewidth=0.8, **marker(place, curve.defense))
            axes.set_xscale("log" if curve.scale == "log" else "linear")
            axes.set_xticks(x, [f"{value}" for value, _ in curve.points])
            axes.minorticks_off()
        above.set(title=f"{curve.defense} {curve.fixed}".strip(), ylim=_padded([*leaks, *([nothing] if nothing else [])]))
        above.set_xticklabels([])
        accuracy_axis(below, accuracies)
        below.set_xlabel(curve.param)
        if nothing is not None:
            above.axhline(nothing, color="#77756f", linestyle="--", linewidth=0.9)
        if index % columns == 0:
            above.set_ylabel(TITLES[measure])
            below.set_ylabel("accuracy")
    for index in range(len(place.curves), blocks * columns):
        for part in (0, 1):
            grid[2 * (index // columns) + part][index % columns].set_visible(False)
    return figure


def _padded(values: Sequence[float]) -> tuple[float, float]:
    room = 0.06 * (max(values) - min(values) or 1)
    return min(values) - room, max(values) + room
