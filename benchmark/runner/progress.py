"""How a run is shown on stderr: finished cells above a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from ..leaderboard.records import Record
from ..utils.stderr_logs import stderr_console
from ..utils.texts import one_line
from .countdown import Countdown
from .estimates import duration

BAR_WIDTH = 16
SCORES_WIDTH = len("  25.12 dB  SSIM 0.667  1 h 20 min")


class Listener:
    """Receives what happens in a run. This one ignores it.

    Example:
        >>> Listener().started("0123456789abcdef")
    """

    def started(self, cell_id: str) -> None:
        """Take note that a cell begins."""

    def finished(self, cell_id: str, record: Record) -> None:
        """Take note that a cell has its record."""


class Display(Listener):
    """Shows how a run proceeds.

    Example:
        >>> with Display({"a cell": "ridge"}, Countdown(5.0, {"a cell": 5.0})) as display:
        ...     display.started("a cell")
    """

    def __init__(self, names: Mapping[str, str], countdown: Countdown) -> None:
        """Expect cells.

        Args:
            names: What to call each cell, by its id.
            countdown: Knows how long the cells take.
        """
        self._console, self._names, self._countdown = stderr_console(), names, countdown
        self._count = 0
        self._live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._width = min(max(map(len, names.values()), default=0), max(20, self._console.width - SCORES_WIDTH))
        self._bar = _Bar(
            self.above,
            BarColumn(BAR_WIDTH),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _TimeLeft(countdown),
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=self._console,
            disable=not self._live,
            transient=True,
        )
        self._task = self._bar.add_task("", total=len(names))

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar."""
        self._bar.stop()

    def above(self) -> RenderableType | None:
        """Return what is shown above the bar and changes while cells are computed; None for one line for each cell."""
        return None

    def started(self, cell_id: str) -> None:
        """Name the current cell."""
        self._countdown.started(cell_id)
        self._bar.update(self._task, description=one_line(self._names.get(cell_id, cell_id)))

    def finished(self, cell_id: str, record: Record) -> None:
        """Show a finished cell with its scores, or why it has none."""
        self._count += 1
        self._countdown.finished(cell_id)
        self._bar.advance(self._task)
        name, result = one_line(self._names.get(cell_id, cell_id)), _result(record)
        if self._live and self.above() is not None and record.row.status == "done":
            self._bar.refresh()
        elif self._live:
            self._line(f"{name:{self._width}}  {result}")
        else:
            left = duration(self._countdown.left()) if self._count < len(self._names) else ""
            self._line(f"[{self._count}/{len(self._names)}] {name}  {result}{left and f'  (about {left} left)'}")

    def _line(self, text: str) -> None:
        self._bar.console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)


class _Bar(Progress):
    """A bar below something else that changes."""

    def __init__(self, above: Callable[[], RenderableType | None], *columns: ProgressColumn, **options: Any) -> None:
        self._above = above
        super().__init__(*columns, **options)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return what is drawn at each refresh."""
        if (above := self._above()) is not None:
            yield above
        yield from super().get_renderables()


class _TimeLeft(ProgressColumn):
    """Shows the time that is left."""

    def __init__(self, countdown: Countdown) -> None:
        super().__init__()
        self._countdown = countdown

    def render(self, task: Task) -> Text:
        """Return the time that is left, in words."""
        left = 0.0 if task.finished else self._countdown.left()
        return Text(f"{duration(left)} left" if left else "", style="progress.remaining")


def _result(record: Record) -> str:
    """Return the scores of a record and how long the attack took, or its status and the reason."""
    row = record.row
    if row.psnr_db is None or row.ssim is None or row.status != "done":
        return f"{row.status}: {row.reason}"
    return f"{row.psnr_db:6.2f} dB  SSIM {row.ssim:.3f}  {duration(row.attack_seconds or 0)}"
