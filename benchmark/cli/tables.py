"""Data frames on the terminal and in other notations."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from ..leaderboard.csv_files import to_csv
from ..registry.labels import label
from ..utils.texts import one_line, say
from .console import print_lines, print_table

PLACES = {
    "psnr_db": 2,
    "psnr_db_low": 2,
    "psnr_db_high": 2,
    "leak_db": 2,
    "bound_psnr_db": 2,
    "wire_bytes": 0,
    "client_macs": 0,
    "client_params": 0,
    "epsilon": 3,
}
"""Decimals of columns; others get four."""
PLACE = ("dataset", "model", "split", "n_images", "recognisable_mean_image")
"""Columns that a table says once, above it, where all lines have the same."""


def print_frame(frame: pd.DataFrame, notation: str) -> None:
    """Print a frame to stdout as ``table``, ``csv``, ``markdown``, ``latex`` or ``html``."""
    if notation == "csv":
        say(to_csv(frame), end="")
        return
    texts = _texts(frame)
    if notation == "html":
        say(texts.to_html(index=False, border=0))
    elif notation == "latex":
        say(_latex(texts))
    elif notation == "markdown":
        say(_markdown(texts))
    else:
        print_table([str(column) for column in texts.columns], texts.to_numpy().tolist())


def print_ranking(ranked: pd.DataFrame, notation: str) -> None:
    """Print a ranking for people: as a table, the place that all lines share is said once, above it."""
    if notation != "table" or ranked.empty:
        print_frame(shorten(ranked), notation)
        return
    short = shorten(ranked).drop(columns=["client_params", "client_ms", "server_ms"])
    texts = _texts(short)
    shared = [name for name in PLACE if len(set(texts[name].tolist())) == 1 and texts[name].iloc[0]]
    if shared:
        say(one_line(", ".join(f"{name} {texts[name].iloc[0]}" for name in shared)) + "\n")
    texts = texts.drop(columns=shared)
    told = [name for name in texts.columns if set(texts[name].tolist()) != {""}]
    named_by = told.index("defense") + 1
    print_lines([str(name) for name in told], texts[told].to_numpy().tolist(), named_by=named_by)


def shorten(ranked: pd.DataFrame) -> pd.DataFrame:
    """Leave out of a ranking what tells little.

    Of the parameters, this is what has its default value, and the same value in all lines of their defense; and
    ``worst_case``, where all lines are ``per image``.
    """
    short = ranked.drop(columns=["accuracy_undefended", "attacks", "seeds"])
    if set(short["worst_case"].tolist()) <= {"per image", ""}:
        short = short.drop(columns="worst_case")
    chosen = [
        (name, json.loads(params)) for name, params in zip(short["defense"], short["defense_params"], strict=True)
    ]
    short["defense"] = [
        label("defenses", name, params, [other for also, other in chosen if also == name]) for name, params in chosen
    ]
    return short.drop(columns="defense_params")


def _texts(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({name: [_text(str(name), value) for value in frame[name]] for name in frame.columns})


def _text(column: str, value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else ""
    if value is None or value is pd.NA or value != value:  # NaN is not itself
        return ""
    if isinstance(value, float):
        return f"{value:.{PLACES.get(column, 4)}f}"
    return one_line(str(value))


def _markdown(texts: pd.DataFrame) -> str:
    lines = [list(map(str, texts.columns)), ["---"] * len(texts.columns), *texts.to_numpy().tolist()]
    special = str.maketrans({character: f"\\{character}" for character in "\\|<`"})
    return "\n".join("| " + " | ".join(one_line(cell).translate(special) for cell in line) + " |" for line in lines)


def _latex(texts: pd.DataFrame) -> str:
    escapes = {"^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "\\": r"\textbackslash{}"}
    escapes |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    special = str.maketrans({character: f"\\{character}" for character in "&%$#_{}"} | escapes)
    lines = [
        " & ".join(one_line(str(cell)).translate(special) for cell in line) + r" \\"
        for line in texts.to_numpy().tolist()
    ]
    header = " & ".join(str(column).translate(special) for column in texts.columns) + r" \\"
    columns = "l" * len(texts.columns)
    return "\n".join(
        [rf"\begin{{tabular}}{{{columns}}}", r"\hline", header, r"\hline", *lines, r"\hline", r"\end{tabular}"]
    )
