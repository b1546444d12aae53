"""Tables that notebooks display with their most important columns."""

from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd

from ..leaderboard.columns import shown_columns
from ..registry import Kind
from ..registry.labels import label

NOUNS: dict[str, Kind] = {"defense": "defenses", "attack": "attacks"}


class Table(pd.DataFrame):
    """Display fewer columns of a data frame than it has. Frames that are derived from it are ordinary ones.

    Example:
        >>> table = Table({"name": ["dp_ir"], "details": ["..."]})
        >>> table._brief = lambda frame: frame[["name"]]
        >>> table
            name
        0  dp_ir
    """

    _metadata: list[str] = ["_brief"]  # noqa: RUF012, pandas copies the attributes that are named here
    _brief: Callable[[pd.DataFrame], pd.DataFrame]

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        """Return the displayed columns as text."""
        return self._brief(pd.DataFrame(self)).to_string(float_format="{:.4g}".format, na_rep="")

    def _repr_html_(self) -> str:
        return self._brief(pd.DataFrame(self)).to_html(float_format="{:.4g}".format, na_rep="", border=0)


def short(board: pd.DataFrame) -> pd.DataFrame:
    """Select the names, with the parameters that differ from the defaults, and the most important scores."""
    names = board[["split", "seed"]].assign(
        **{
            noun: [
                label(kind, name, json.loads(params))
                for name, params in zip(board[noun], board[f"{noun}_params"], strict=True)
            ]
            for noun, kind in NOUNS.items()
        }
    )
    return names.join(shown_columns(board)).dropna(axis="columns", how="all")


def table_of(frame: pd.DataFrame, brief: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """Return a frame as a table that displays what ``brief`` selects of it."""
    table = Table(frame)
    table._brief = brief
    return table
