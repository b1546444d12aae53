"""What the scheduler needs of worker processes, and what they report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from ..evaluation.pool_loader import Facts
from .tasks import CellResult, Task


@dataclass(frozen=True)
class WorkerEvent:
    """What a worker tells, or what is seen of it.

    Attributes:
        kind: ``begun``, all that the cell shares with others is ready; ``done``, it has an outcome; ``failed``, it can
            have none, and the worker goes on; ``looked``, a setting can be made; ``refused``, a person must mend
            something; ``died``, the worker is gone; ``lost``, so is it, for a reason that has nothing to do with the
            cell.
        text: the message, the refusal, the reason, or how the worker died.
        outcome: that of a cell that is done.
        facts: about the data of a setting that can be made.
    """

    kind: Literal["begun", "done", "failed", "looked", "refused", "died", "lost"]
    text: str = ""
    outcome: CellResult | None = None
    facts: Facts | None = None


class WorkerPool(Protocol):
    """Processes, here or elsewhere, that each compute one task at a time."""

    def hire(self) -> int:
        """Start a worker; returns its number, never used before."""
        ...

    def give(self, worker: int, task: Task) -> None:
        """Have an idle worker compute a task."""
        ...

    def listen(self, seconds: float) -> list[tuple[int, WorkerEvent]]:
        """Wait for news of any worker, at most so long."""
        ...

    def dismiss(self, worker: int) -> None:
        """End a worker at once, whatever it does."""
        ...
