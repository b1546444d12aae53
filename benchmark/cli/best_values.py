"""Find the best values of a ranking, for tables of papers."""

from __future__ import annotations

import pandas as pd

from ..leaderboard.columns import SCENARIO_COLUMNS
from ..leaderboard.ranked_defense import HIGHEST_FIRST
from ..plan.references import REFERENCE_DEFENSE
from .tables import as_texts

LOWEST_IS_BEST = (
    *("psnr_db", "ssim", "leak_db", "recognisable", "bound_identified", "epsilon", "attribute_gain"),
    *("wire_bytes", "client_macs", "client_params", "client_ms", "server_ms"),
)
HIGHEST_IS_BEST = tuple(
    name for name in HIGHEST_FIRST if name.endswith("_kept") or name in ("accuracy", "utility", "agreement")
)


def best_values(ranked: pd.DataFrame) -> pd.DataFrame:
    """Return which values of a ranking are the best of their scenario.

    The undefended network and incomplete defenses do not compete. Values that look equal in a table are equally good.

    Args:
        ranked: A ranking with all columns.

    Returns:
        A frame of the same shape, True where a value is the best.
    """
    found = pd.DataFrame(False, index=ranked.index, columns=ranked.columns)
    texts = as_texts(ranked).set_index(ranked.index)
    able = ranked[(ranked["defense"] != REFERENCE_DEFENSE) & ~ranked["incomplete"].astype(bool)]
    for _, rows in able.groupby(list(SCENARIO_COLUMNS)):
        for name in (*LOWEST_IS_BEST, *HIGHEST_IS_BEST):
            values = pd.Series(pd.to_numeric(rows[name]), dtype=float).dropna()
            if values.nunique() > 1:
                best = values.idxmin() if name in LOWEST_IS_BEST else values.idxmax()
                found.loc[values.index, name] = texts.loc[values.index, name] == texts.loc[best, name]
    return found
