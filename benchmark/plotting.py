"""``mia_bench.plot``: accuracy against what attacks recover."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from .api import gather
from .errors import UsageError
from .report.content import content
from .report.figures import check_installed

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(*boards: pd.DataFrame | str | Path, measure: Literal["psnr_db", "ssim"] = "psnr_db") -> Figure:
    """Draw one point per setting of a defense: its accuracy, and what the strongest attacks recover.

    The figure is that of ``mia-bench report --figures``: up is useful, left is private.

    Args:
        boards: what ``run`` gave, or leaderboards and results folders; of one dataset, model and split.
        measure: how much is recovered, in dB or as SSIM.

    Returns:
        The figure, which a notebook shows.

    Raises:
        UsageError: if matplotlib is not installed, a board is none, or they are of several places.
    """
    check_installed()
    import matplotlib.pyplot  # noqa: F401  # notebooks show figures from here on

    from .report.tradeoff_figure import tradeoff

    places = content(*gather(*boards)).places
    if len(places) != 1:
        found = ", ".join(f"{place.dataset} {place.model} {place.split}" for place in places) or "none"
        raise UsageError(f"a plot shows one dataset, model and split; these boards have: {found}")
    return tradeoff(places[0], measure)
