"""The table of ``mia-bench splits`` as a data frame, and as texts for people."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..plan.cells import Setting
from ..splits.lines import COLUMNS, Deployment, Line
from ..utils.texts import one_line
from .tables import as_texts

ELSEWHERE = {"psnr_db_low", "psnr_db_high", "reason"}
"""Columns for machines only: intervals make the table too wide, and reasons are sentences below it."""


def frame_of(lines: Sequence[Line]) -> pd.DataFrame:
    """Return lines as a data frame with all columns."""
    return pd.DataFrame([line.by_column() for line in lines], columns=COLUMNS)


def texts_of(lines: Sequence[Line], columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """Return lines as texts for people, without intervals and the columns that are empty or the same in all lines."""
    texts = as_texts(frame_of(lines))
    filled = [name for name in columns if set(texts[name].tolist()) != {""}]
    if set(texts["defense"].tolist()) == {"undefended"}:
        filled.remove("defense")
    return texts.loc[:, [name for name in filled if name not in ELSEWHERE]]


def refusals(lines: Sequence[Line]) -> list[str]:
    """Return a sentence for each reason why lines are empty, with the splits and the defense.

    Example:
        >>> refusals([Line(split="fc3", defense="ckks", reason="Nothing is left to encrypt.")])
        ['ckks at fc3: Nothing is left to encrypt.']
    """
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line.reason:
            found.setdefault((line.defense, line.reason), []).append(line.split)
    return [f"{defense} at {', '.join(splits)}: {reason}" for (defense, reason), splits in found.items()]


def headline(setting: Setting, deployment: Deployment) -> str:
    """Return in one line what the table is about."""
    link = deployment.network
    return one_line(
        f"{setting.dataset.label} {setting.model.label}; modelled for a device of {deployment.device.gmacs_per_s:g} "
        f"GMAC/s, {link.uplink_mbit_per_s:g} Mbit/s up, {link.downlink_mbit_per_s:g} Mbit/s down, "
        f"{link.rtt_ms:g} ms per round, a server of {deployment.server.gmacs_per_s:g} GMAC/s"
    )
