"""How a run is shown while it goes on: a bar on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..leaderboard.store import Record
from ..utils.texts import plain


class Display:
    """Listens to a run and shows it."""

    def __init__(self, total: int) -> None:
        """Expect ``total`` cells."""
        self._console = Console(stderr=True)
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

    def note(self, message: str) -> None:
        """Tell what takes long."""
        self._line(message)

    def _line(self, text: str) -> None:
        self._bar.console.print(plain(text), markup=False, highlight=False, soft_wrap=True)


class Listener(Protocol):
    """Whoever is told how a run goes on."""

    def started(self, label: str) -> None:
        """A cell begins."""

    def finished(self, label: str, record: Record) -> None:
        """A cell has its record."""

    def note(self, message: str) -> None:
        """Something that takes long begins."""


class Teller(Protocol):
    """Whoever is told how the work goes on."""

    def started(self, label: str) -> None:
        """A cell begins."""
        ...

    def note(self, message: str) -> None:
        """Something that takes long begins."""
        ...
