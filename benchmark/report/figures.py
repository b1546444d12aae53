"""Draw static figures for papers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import chain, count
from typing import Any, cast

from ..leaderboard.columns import SCENARIO_COLUMNS
from ..leaderboard.ranking_uncertainty import MEASURES
from ..utils.extras import require_extra
from .content import ReportContent, Scenario

FORMATS: dict[str, dict[str, Any]] = {"png": {"metadata": {"Software": None}}, "svg": {"metadata": {"Date": None}}}
"""File formats. Without dates and versions, files of the same results are identical."""


FIGURE_NETWORK = "wifi"
"""The network of modelled costs."""


def check_installed() -> None:
    """Check that figures can be drawn.

    Raises:
        UsageError: If matplotlib is missing.
    """
    require_extra("figures", "matplotlib")


def drawings(content: ReportContent) -> Iterator[tuple[str, bytes]]:
    """Yield the file name and the contents of each figure."""
    import matplotlib

    from .figure_style import STYLE, reference
    from .split_figure import leak_and_costs, split_points
    from .strength_figure import strength
    from .tradeoff_figure import tradeoff

    for scenario, slug in zip(content.scenarios, _slugs(map(_title, content.scenarios)), strict=True):
        prefix = f"{slug}-" if len(content.scenarios) > 1 else ""
        with matplotlib.rc_context(cast(Any, STYLE)):
            figures = {f"tradeoff-{measure.removesuffix('_db')}": tradeoff(scenario, measure) for measure in MEASURES}
            if scenario.curves:
                figures["strength"] = strength(scenario)
            for name, figure in figures.items():
                yield from _files(f"{prefix}{name}", figure)
    data = list(dict.fromkeys((each.dataset, each.n_images) for each in content.scenarios))
    for (dataset, images), slug in zip(data, _slugs("-".join(map(str, each)) for each in data), strict=True):
        here = [each for each in content.scenarios if (each.dataset, each.n_images) == (dataset, images)]
        prefix = "" if len(here) == len(content.scenarios) else f"{slug}-"
        with matplotlib.rc_context(cast(Any, STYLE)):
            for measure in MEASURES:
                points = split_points(here, FIGURE_NETWORK, measure)
                figure = leak_and_costs(points, measure=measure, zero=reference(here[0], measure))
                yield from _files(f"{prefix}costs-{measure.removesuffix('_db')}", figure)


def _files(name: str, figure: Any) -> Iterator[tuple[str, bytes]]:
    for suffix, options in FORMATS.items():
        target = BytesIO()
        figure.savefig(target, format=suffix, dpi=200, bbox_inches="tight", **options)
        yield f"{name}.{suffix}", target.getvalue()


def _title(scenario: Scenario) -> str:
    return "-".join(str(getattr(scenario, name)) for name in SCENARIO_COLUMNS)


def _slugs(texts: Iterable[str]) -> list[str]:
    """Return names of files, numbered where texts differ only in other characters than those of a name."""
    found: dict[str, None] = {}
    for text in texts:
        plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
        numbered = (f"{plain}-{number}" for number in count(2))
        found[next(name for name in chain([plain], numbered) if name not in found)] = None
    return list(found)
