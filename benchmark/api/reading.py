"""The functions ``mia_bench.rank`` and ``mia_bench.plot``, which read boards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import pandas as pd

from ..errors import UsageError
from ..leaderboard import ranking
from ..leaderboard.loading import Cells
from ..leaderboard.ranking import shorten
from ..leaderboard.reconciliation import disagreement
from ..leaderboard.records import Record, Row
from ..leaderboard.results_folder import record_path
from ..leaderboard.store import read_record, rows_of
from ..metrics.scales import RANGES
from ..report.content import content
from ..report.figures import check_installed
from ..utils.isolation import restored_state
from ..utils.texts import as_path, quoted
from .tables import table_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUT = "mia_bench_out"
"""The attribute of a frame that names its results folder."""


def rank(*boards: pd.DataFrame | str | Path) -> pd.DataFrame:
    """Rank defenses by what the strongest attacks recover, as ``mia-bench rank`` does.

    Args:
        boards: Data frames that ``run`` returned, or paths of leaderboards or results folders. Frames that were edited
            or rounded are taken as they are, without the records of their cells.

    Returns:
        One row for each defense with its parameters. The defense that protects best comes first.

    Raises:
        UsageError: If no board is given, a file is not a leaderboard, or a frame lacks columns.

    Example:
        >>> import mia_bench
        >>> mia_bench.rank("results")  # doctest: +SKIP
    """
    with restored_state():
        return table_of(ranking.rank(*gather(*boards)), shorten)


def gather(*boards: pd.DataFrame | str | Path) -> tuple[list[Row], dict[str, Record]]:
    """Collect the rows of boards, and by cell those of their records that are available.

    Args:
        boards: Data frames that ``run`` returned, or paths of leaderboards or results folders.

    Raises:
        UsageError: If no board is given, a file is not a leaderboard, or a frame lacks columns.
    """
    if not boards:
        raise UsageError(
            "Expected at least one board, got none. Give what mia_bench.run returned, or paths of leaderboards."
        )
    cells = Cells()
    for board in boards:
        if isinstance(board, pd.DataFrame):
            rows = rows_of(board)
            records = _records(rows, board.attrs.get(OUT))
            for row in rows:
                record = records.get(row.cell_id)
                edited = record is not None and disagreement(row, record.row)
                cells.add(row, None if edited else record, "a data frame")
        else:
            cells.read(as_path(board, "boards one by one, data frames or paths"))
    return cells.finish()


def _records(rows: Sequence[Row], out: str | None) -> dict[str, Record]:
    """Return the records of rows, as far as they still exist in the results folder."""
    if out is None:
        return {}
    paths = {row.cell_id: record_path(Path(out), row.cell_id) for row in rows}
    return {cell_id: read_record(path) for cell_id, path in paths.items() if path.exists()}


def plot(*boards: pd.DataFrame | str | Path, measure: Literal["psnr_db", "ssim"] = "psnr_db") -> Figure:
    """Plot the utility of each setting of a defense against what the strongest attacks recover.

    The figure is the same as that of ``mia-bench report --figures``. Points higher up are more useful, and points
    further left are more private.

    Args:
        boards: Data frames that ``run`` returned, or paths of leaderboards or results folders, all with the same
            dataset, model and split.
        measure: The measure of what is recovered: ``psnr_db``, in dB, or ``ssim``.

    Returns:
        The figure. A notebook displays it, and ``savefig`` keeps its legend.

    Raises:
        UsageError: If matplotlib is not installed, a file is not a leaderboard, or the boards have several datasets,
            models or splits.

    Example:
        >>> import mia_bench
        >>> mia_bench.plot("results", measure="ssim").savefig("tradeoff.pdf")  # doctest: +SKIP
    """
    if measure not in RANGES:
        raise UsageError(f"Expected measure to be {' or '.join(RANGES)}, got {quoted(measure)}. Choose one of them.")
    check_installed()
    import matplotlib

    from ..report.figure_style import STYLE
    from ..report.tradeoff_figure import tradeoff

    scenarios = content(*gather(*boards)).scenarios
    if len(scenarios) != 1:
        found = ", ".join(f"{each.dataset} {each.model} {each.split}" for each in scenarios) or "none"
        raise UsageError(f"Expected boards of one dataset, model and split, got {found}. Plot each of them separately.")
    with matplotlib.rc_context(cast(Any, STYLE)):
        return tradeoff(scenarios[0], measure)
