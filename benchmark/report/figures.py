"""Static figures for papers, as files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from typing import Any, cast

from ..errors import UsageError
from ..leaderboard.ranking_uncertainty import MEASURES
from .content import SCENARIO_COLUMNS, Content, Scenario

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

    from .figure_style import STYLE
    from .strength_figure import strength
    from .tradeoff_figure import tradeoff

    for place in content.places:
        prefix = f"{_slug(place)}-" if len(content.places) > 1 else ""
        with matplotlib.rc_context(cast(Any, STYLE)):
            figures = {f"tradeoff-{measure.removesuffix('_db')}": tradeoff(place, measure) for measure in MEASURES}
            if place.curves:
                figures["strength"] = strength(place)
            for name, figure in figures.items():
                for suffix, options in FORMATS.items():
                    target = BytesIO()
                    figure.savefig(target, format=suffix, dpi=200, bbox_inches="tight", **options)
                    yield f"{prefix}{name}.{suffix}", target.getvalue()


def _slug(place: Scenario) -> str:
    return re.sub(r"[^a-z0-9]+", "-", "-".join(str(getattr(place, name)) for name in SCENARIO_COLUMNS).lower()).strip(
        "-"
    )
