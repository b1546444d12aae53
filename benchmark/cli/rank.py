"""What ``mia-bench rank`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..errors import UsageError
from ..leaderboard.completing import gap_notice
from ..leaderboard.loading import load_boards
from ..leaderboard.planned_cells import read_plan
from ..leaderboard.ranking import rank, shorten
from ..utils.texts import one_line, say
from .console import print_lines
from .tables import as_texts, print_frame

PLACE = ("dataset", "model", "split", "n_images", "recognisable_mean_image")
"""Columns that a table says once, above it, where all lines have the same."""


def print_ranking(ranked: pd.DataFrame, notation: str) -> None:
    """Print a ranking for people: as a table, the place that all lines share is said once, above it."""
    if notation != "table" or ranked.empty:
        print_frame(shorten(ranked), notation)
        return
    short = shorten(ranked).drop(columns=["client_params", "client_ms", "server_ms"])
    texts = as_texts(short)
    shared = [name for name in PLACE if len(set(texts[name].tolist())) == 1 and texts[name].iloc[0]]
    if shared:
        say(one_line(", ".join(f"{name} {texts[name].iloc[0]}" for name in shared)) + "\n")
    texts = texts.drop(columns=shared)
    told = [name for name in texts.columns if set(texts[name].tolist()) != {""}]
    named_by = told.index("defense") + 1
    print_lines([str(name) for name in told], texts[told].to_numpy().tolist(), named_by=named_by)


def rank_boards(paths: Sequence[Path], *, sort: str, notation: str) -> None:
    """Carry out ``mia-bench rank``.

    Raises:
        UsageError: if a path holds no results, or a damaged file, or there is no column to sort by.
    """
    rows, records = load_boards(paths)
    if not rows:
        raise UsageError(f"{' and '.join(map(str, paths))} hold no rows; there is nothing to rank")
    ranked = rank(rows, records, sort)
    if notation == "csv":
        print_frame(ranked, notation)
    else:
        print_ranking(ranked, notation)
    for line in gap_notice(rows, results_folder(paths)):
        say(one_line(line), err=True)
    for path in paths:
        folder = path if path.is_dir() else path.parent
        missing = set(read_plan(folder)) - {row.cell_id for row in rows}
        if missing:
            say(
                f"{len(missing)} planned cells are missing, so the worst case may be worse: "
                f"see mia-bench status {folder}",
                err=True,
            )


def results_folder(paths: Sequence[Path]) -> Path | None:
    """Return the results folder to which runs may be added; None if the boards are of several folders, or of none."""
    folders = {path if path.is_dir() else path.parent for path in paths}
    return next((folder for folder in folders if (folder / "cells").is_dir()), None) if len(folders) == 1 else None
