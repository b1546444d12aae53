"""``mia_bench.plot``: accuracy against what attacks recover."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from .errors import UsageError
from .labels import label
from .notebook import rank

if TYPE_CHECKING:
    from matplotlib.axes import Axes  # pyright: ignore[reportMissingImports]


def plot(*boards: pd.DataFrame | str | Path, ax: Axes | None = None) -> Axes:
    """Draw one point per defense: its accuracy, and the PSNR of the strongest attacks; lower right is better.

    Filled points are not dominated by any other (the Pareto front).

    Args:
        boards: what ``run`` or ``rank`` gave, or leaderboards and results folders.
        ax: where to draw; None for a figure of its own.

    Returns:
        The axes.

    Raises:
        UsageError: if matplotlib is not installed, or a board is none.
    """
    try:
        from matplotlib import pyplot  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise UsageError(
            "plots need matplotlib, which is not installed; run: pip install 'mia-bench[figures]'"
        ) from error
    ranked = boards[0] if len(boards) == 1 and _is_ranking(boards[0]) else rank(*boards)
    assert isinstance(ranked, pd.DataFrame)
    lines = ranked.dropna(subset=["accuracy", "psnr_db"])
    if ax is None:
        _, ax = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    assert ax is not None
    for _, line in lines.iterrows():
        ax.plot(line["accuracy"], line["psnr_db"], "o", color="C0", fillstyle="full" if line["pareto"] else "none")
        name = label("defenses", line["defense"], json.loads(line["defense_params"]))
        ax.annotate(name, (line["accuracy"], line["psnr_db"]), xytext=(4, 4), textcoords="offset points", fontsize=8)
    reference = (lines["psnr_db"] - lines["leak_db"]).mean()
    if pd.notna(reference):
        ax.axhline(reference, color="gray", linestyle=":", label="mean image (no leak)")
        ax.legend(loc="best", fontsize=8)
    ax.set_xlabel("accuracy")
    ax.set_ylabel("PSNR of the strongest attacks, dB")
    return ax


def _is_ranking(board: pd.DataFrame | str | Path) -> bool:
    return isinstance(board, pd.DataFrame) and "worst_attack" in board.columns
