"""Print data frames: on the terminal, as CSV, Markdown, LaTeX or HTML."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from ..leaderboard.columns import DECIMALS
from ..leaderboard.csv_files import to_csv
from ..utils.texts import one_line, say
from .console import print_table

DEFAULT_DECIMALS = 4
MARKDOWN_ESCAPES = str.maketrans({character: f"\\{character}" for character in "\\|<`["})
BOLD = ("\ue000", "\ue001")
"""Characters of no script, which enclose bold texts until pandas has escaped the others."""
LATEX_SYMBOLS = str.maketrans(
    {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", BOLD[0]: r"\textbf{", BOLD[1]: "}"}
)
"""Characters that pandas does not escape. LaTeX prints others in their place in its default font encoding."""


def print_frame(frame: pd.DataFrame, notation: str, bold: pd.DataFrame | None = None) -> None:
    """Print a frame to stdout.

    Args:
        frame: The table; texts in it may be untrusted.
        notation: ``table``, ``csv``, ``markdown``, ``latex`` or ``html``.
        bold: Which values LaTeX prints in bold; a frame of the same shape, or None for no value.
    """
    if notation == "csv":
        say(to_csv(frame), end="")
        return
    texts = as_texts(frame)
    if bold is not None and notation == "latex":
        texts = _embolden(texts, bold)
    if notation == "table":
        print_table([str(column) for column in texts.columns], texts.to_numpy().tolist())
    elif notation == "html":
        say(texts.to_html(index=False, border=0))
    else:
        say({"latex": _latex, "markdown": _markdown}[notation](texts, _alignment(frame)))


def as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with each value formatted for people, on one line.

    Example:
        >>> as_texts(pd.DataFrame({"psnr_db": [20.125], "pareto": [True]})).values.tolist()
        [['20.12', 'yes']]
    """
    texts = {one_line(str(name)): [_text(str(name), value) for value in frame[name]] for name in frame.columns}
    return pd.DataFrame(texts, dtype=object)


def _text(column: str, value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else ""
    if value is None or value is pd.NA or value != value:  # NaN is not itself
        return ""
    if isinstance(value, float):
        return f"{value:z.{DECIMALS.get(column, DEFAULT_DECIMALS)}f}"
    return one_line(str(value))


def _alignment(frame: pd.DataFrame) -> list[str]:
    """Return the alignment of each column: numbers right, texts left."""
    numbers = [is_numeric_dtype(frame[name]) and not is_bool_dtype(frame[name]) for name in frame.columns]
    return ["right" if number else "left" for number in numbers]


def _embolden(texts: pd.DataFrame, bold: pd.DataFrame) -> pd.DataFrame:
    plain = texts.map(lambda text: text.replace(BOLD[0], "").replace(BOLD[1], ""))
    return plain.mask(bold.set_axis(plain.index).to_numpy(), BOLD[0] + plain + BOLD[1])


def _markdown(texts: pd.DataFrame, alignment: list[str]) -> str:
    escaped = texts.map(_escape_markdown).rename(columns=_escape_markdown)
    return escaped.to_markdown(index=False, disable_numparse=True, colalign=alignment)


def _escape_markdown(text: str) -> str:
    return text.translate(MARKDOWN_ESCAPES)


def _latex(texts: pd.DataFrame, alignment: list[str]) -> str:
    columns = "".join(side[0] for side in alignment)  # l or r
    found = texts.to_latex(index=False, escape=True, column_format=columns).strip()
    return found.replace("-> ", r"$\to$ ").translate(LATEX_SYMBOLS)
