"""Print a ranking: the command ``mia-bench rank``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..leaderboard.columns import SCENARIO_COLUMNS
from ..leaderboard.completion_commands import gap_notice
from ..leaderboard.loading import load_results
from ..leaderboard.ranking import COLUMNS, rank, shorten, with_labels
from ..leaderboard.results_folder import common_folder
from ..utils.texts import one_line, say
from .best_values import best_values
from .column_choice import parse_columns
from .console import print_fitted
from .missing_cells import missing_cell_notices
from .tables import as_texts, print_frame

SHARED_COLUMNS = (*SCENARIO_COLUMNS, "recognisable_mean_image")
"""Columns that a table states once, above its rows, if all rows agree in them."""
DETAIL_COLUMNS = ["client_params", "client_ms", "server_ms"]
"""Columns that the table on the terminal leaves out."""
DISPENSABLE = (
    *("attribute", "attribute_accuracy", "attribute_gain"),
    *("client_macs", "bound_identified", "guarantee", "recognisable_mean_image", "worst_case", "agreement"),
    *("utility_metric", "epsilon", "recognisable", "ssim", "wire_bytes", "worst_attack", "accuracy_kept"),
    *("utility_kept", "pareto", "flags"),
)
"""Columns that a narrow table does without, the first ones first."""


def rank_boards(
    paths: Sequence[Path], *, sort: str, notation: str, columns: str | None = None, wide: bool = False
) -> None:
    """Run ``mia-bench rank``.

    Args:
        paths: Leaderboards or results folders.
        sort: The column whose best values come first.
        notation: ``table``, ``csv``, ``markdown``, ``latex`` or ``html``.
        columns: Columns to print, separated by commas, in this order; None for the columns of the notation.
        wide: Whether a table has all columns, however wide it gets.

    Raises:
        UsageError: If a path holds no results or a damaged file, or a column does not exist.
    """
    chosen = (
        parse_columns(columns, COLUMNS, table="ranking", example="defense,psnr_db") if columns is not None else None
    )
    rows, records = load_results(paths, "rank")
    missing = missing_cell_notices(paths, (row.cell_id for row in rows))
    ranked = rank(rows, records, sort)
    if chosen:
        frame = ranked if notation == "csv" else with_labels(ranked)
        print_frame(frame.loc[:, chosen], notation, best_values(ranked).loc[:, chosen])
    elif notation == "csv":
        print_frame(ranked, notation)
    else:
        print_ranking(ranked, notation, wide=wide)
    for line in gap_notice(rows, common_folder(paths)):
        say(one_line(line), err=True)
    for line in missing:
        say(line, err=True)


def print_ranking(ranked: pd.DataFrame, notation: str, *, wide: bool = False) -> None:
    """Print a ranking for people. A table states what all its rows share once, above them.

    Args:
        ranked: A ranking with all columns.
        notation: ``table``, ``markdown``, ``latex`` or ``html``.
        wide: Whether a table has all columns, rather than those that fit the terminal or 100 columns.
    """
    if notation != "table" or ranked.empty:
        short = shorten(ranked)
        print_frame(short, notation, best_values(ranked).loc[:, list(short.columns)])
        return
    texts = as_texts(shorten(ranked).drop(columns=[] if wide else DETAIL_COLUMNS))
    shared = [name for name in SHARED_COLUMNS if len(set(texts[name].tolist())) == 1 and texts[name].iloc[0]]
    if shared:
        say(one_line(", ".join(f"{name} {texts[name].iloc[0]}" for name in shared)) + "\n")
    texts = texts.drop(columns=shared)
    filled = [str(name) for name in texts.columns if set(texts[name].tolist()) != {""}]
    print_fitted(texts.loc[:, filled], DISPENSABLE, named_by=filled.index("defense") + 1, wide=wide)
