"""The table of ``mia-bench splits`` on a terminal while its cells are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.table import Table

from ..leaderboard.records import Record
from ..runner.countdown import Countdown
from ..runner.progress import Display
from ..splits.lines import Line
from ..utils.texts import one_line
from .split_table import texts_of

LIVE_COLUMNS = (
    *("split", "defense", "wire_kb", "latency_ms_modelled", "energy_mj_modelled"),
    *("utility", "psnr_db", "ssim", "identified"),
)
"""Columns of the table while it fills; all of them are printed at the end."""
HEADS = {"latency_ms_modelled": "ms_modelled", "energy_mj_modelled": "mj_modelled"}


def filling(lines: Callable[[Sequence[Record]], list[Line]], known: Sequence[Record]) -> type[Display]:
    """Return a progress display that shows, above its bar, the table with the cells that have finished so far.

    Where stderr is not a terminal, it prints one line for each cell.

    Args:
        lines: Returns the lines of the table for the records of finished cells.
        known: The records of earlier runs.
    """

    class Filling(Display):
        """Shows the table above the bar."""

        def __init__(self, names: Mapping[str, str], countdown: Countdown) -> None:
            self._records = list(known)
            self._table = _table(lines(self._records))
            super().__init__(names, countdown)

        def above(self) -> Table:
            """Return the table with the cells that have finished."""
            return self._table

        def finished(self, cell_id: str, record: Record) -> None:
            """Take a finished cell into the table."""
            self._records.append(record)
            self._table = _table(lines(self._records))
            super().finished(cell_id, record)

    return Filling


def _table(lines: Sequence[Line]) -> Table:
    texts = texts_of(lines, LIVE_COLUMNS)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in texts.columns:
        table.add_column(HEADS.get(str(name), str(name)), justify="left" if name in ("split", "defense") else "right")
    for line in texts.to_numpy().tolist():
        table.add_row(*map(one_line, line))
    return table
