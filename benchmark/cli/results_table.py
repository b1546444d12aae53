"""Print the results of a run: one row for each cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..leaderboard.columns import SHOWN, shown_columns
from ..leaderboard.records import Record
from ..leaderboard.results_folder import board_path
from ..plan.cells import Cell
from ..utils.texts import say
from .console import fits, print_lines
from .tables import as_texts

DETAILS = ("agreement", "bound_psnr_db", "bound_identified", "epsilon", "attack_seconds", "leak_r2")
"""Columns that a narrow terminal does without, the first ones first; the leaderboard has them."""
NAMES = ("dataset", "model", "split", "seed", "defense", "attack")


def print_results(cells: Sequence[Cell], records: Sequence[Record], out: Path) -> None:
    """Print a table of the cells of a run. What all cells share is stated above it, empty columns are left out."""
    names = pd.DataFrame([_names(cell) for cell in cells], columns=NAMES)
    scores = pd.DataFrame([{column: getattr(record.row, column) for column in SHOWN} for record in records])
    shared = [name for name in NAMES[:4] if len(set(names[name].tolist())) == 1]
    named = names.drop(columns=shared)
    texts = as_texts(named.join(shown_columns(scores)))
    if set(texts["status"]) == {"done"}:
        texts = texts.drop(columns="status")
    texts = _narrowed(texts)
    say("\n" + ", ".join(f"{name} {names[name].iloc[0]}" for name in shared) + "\n")
    print_lines([str(name) for name in texts.columns], texts.to_numpy().tolist(), named_by=len(named.columns))
    say(f"\nWrote {board_path(out)}")


def _narrowed(texts: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns of less importance as far as a terminal is too narrow for them."""
    for name in DETAILS:
        if name in texts and not fits([str(column) for column in texts.columns], texts.to_numpy().tolist()):
            texts = texts.drop(columns=name)
    return texts


def _names(cell: Cell) -> dict[str, str]:
    setting = cell.setting
    labels = (setting.dataset, setting.model, setting.defense, cell.attack)
    dataset, model, defense, attack = (each.label for each in labels)
    return dict(zip(NAMES, (dataset, model, setting.split, str(setting.seed), defense, attack), strict=True))
