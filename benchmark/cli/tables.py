"""Data frames on the terminal and in other notations."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..leaderboard.columns import PLACES
from ..leaderboard.csv_files import to_csv
from ..utils.texts import one_line, say
from .console import print_table


def print_frame(frame: pd.DataFrame, notation: str) -> None:
    """Print a frame to stdout as ``table``, ``csv``, ``markdown``, ``latex`` or ``html``."""
    if notation == "csv":
        say(to_csv(frame), end="")
        return
    texts = as_texts(frame)
    if notation == "html":
        say(texts.to_html(index=False, border=0))
    elif notation == "latex":
        say(_latex(texts))
    elif notation == "markdown":
        say(_markdown(texts))
    else:
        print_table([str(column) for column in texts.columns], texts.to_numpy().tolist())


def as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Format each value of a frame for people."""
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
