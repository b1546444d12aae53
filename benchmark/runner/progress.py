"""How a run is shown while it goes on: a bar on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..leaderboard.store import Record
from ..utils.stderr_logs import stderr_console
from ..utils.texts import plain


class Listener:
    """Is told how a run proceeds; this one does nothing with it."""

    def started(self, label: str) -> None:
        """Take note that a cell begins."""

    def finished(self, label: str, record: Record) -> None:
        """Take note that a cell has its record."""


class Display(Listener):
    """Shows how a run proceeds."""

    def __init__(self, total: int) -> None:
        """Expect ``total`` cells."""
        self._console = stderr_console()
        self._total = total
        self._count = 0
        self._bar = Progress(
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._bar.stop()

    def started(self, label: str) -> None:
        """Name the current cell."""
        self._bar.update(self._task, description=label)

    def finished(self, label: str, record: Record) -> None:
        """Count a cell, and tell of one without scores."""
        self._count += 1
        self._bar.advance(self._task)
        row = record.row
        if row.status != "done":
            self._line(f"{row.status}: {label}: {row.reason}")
        elif not self._console.is_terminal:
            scores = f"{row.psnr_db:.2f} dB, SSIM {row.ssim:.3f}, {row.attack_seconds:.1f} s"
            self._line(f"[{self._count}/{self._total}] {label}: {scores}")

    def _line(self, text: str) -> None:
        self._bar.console.print(plain(text), markup=False, highlight=False, soft_wrap=True)
