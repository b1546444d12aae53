"""How a run is shown in a notebook: one line that is replaced, with a bar, the current cell and the time left."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from html import escape
from types import TracebackType
from typing import Any, Self

from ..leaderboard.records import Record
from ..utils.plurals import count_of
from .countdown import Countdown
from .estimates import duration
from .progress import Listener


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class NotebookDisplay(Listener):
    """Shows how a run proceeds below the cell of a notebook.

    Example: ``with NotebookDisplay(names, countdown) as display: execute(planned, options, artifacts, display)``
    """

    def __init__(self, names: Mapping[str, str], countdown: Countdown) -> None:
        """Expect cells.

        Args:
            names: The name of each cell, by its id.
            countdown: What knows how long the cells take.
        """
        from IPython.display import HTML, display

        self._names, self._countdown, self._count, self._html = names, countdown, 0, HTML
        self._handle: Any = display(HTML(self._line("")), display_id=True)

    def __enter__(self) -> Self:
        """Return the display."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave a line that says how many cells are done."""
        self._handle.update(
            self._html(f"<small>{self._count} of {count_of(len(self._names), 'cell')} computed</small>")
        )

    def started(self, cell_id: str) -> None:
        """Name the current cell."""
        self._countdown.started(cell_id)
        self._show(cell_id)

    def finished(self, cell_id: str, record: Record) -> None:
        """Count a finished cell."""
        self._count += 1
        self._countdown.finished(cell_id)
        self._show("")

    def _show(self, cell_id: str) -> None:
        self._handle.update(self._html(self._line(self._names.get(cell_id, cell_id))))

    def _line(self, name: str) -> str:
        total, left = len(self._names), self._countdown.left()
        bar = f'<progress value="{self._count}" max="{total}"></progress>'
        return f"<small>{bar} {self._count}/{total} {escape(name)} (about {duration(left)} left)</small>"
