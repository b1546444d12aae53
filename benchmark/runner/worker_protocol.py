"""Define what the scheduler requires of worker processes, and the events that they report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from ..errors import UsageError, describe, message_of
from ..evaluation.pool_loader import Facts
from .jobs import CellJob, CellResult

POLL_SECONDS = 0.2
"""The seconds to wait for events before checking something else, such as whether a cell takes too long."""


@dataclass(frozen=True)
class WorkerEvent:
    """An event that a worker reports, or that is observed about it.

    Attributes:
        kind: ``begun`` if everything that the cell shares with others is ready; ``done`` if the cell has an outcome;
            ``failed`` if it cannot have one, and the worker continues; ``tried`` if a setting is valid; ``refused`` if
            the user must correct something; ``died`` if the worker has ended; ``lost`` if it has ended for a reason
            that is not related to the cell.
        text: The message, the refusal, the reason, or how the worker died.
        outcome: The outcome of a cell that is done.
        facts: Facts about the data of a valid setting.
        cuts: The cuts that the split of a valid setting means.

    Example:
        >>> WorkerEvent("died", "killed by signal 9").kind
        'died'
    """

    kind: Literal["begun", "done", "failed", "tried", "refused", "died", "lost"]
    text: str = ""
    outcome: CellResult | None = None
    facts: Facts | None = None
    cuts: tuple[str, ...] = ()


def failure(error: BaseException, *, foreign: bool) -> WorkerEvent:
    """Return the event for the error that has ended a job.

    Args:
        error: What was raised.
        foreign: Whether a component of the job is a plug-in's. The user then cannot correct every ``UsageError``, and
            the other cells continue.

    Example:
        >>> failure(UsageError("Expected a, got b. Give a."), foreign=False).kind
        'refused'
    """
    if isinstance(error, UsageError) and not foreign:
        return WorkerEvent("refused", message_of(error))
    return WorkerEvent("failed", describe(error))


class WorkerPool(Protocol):
    """Processes on this or other machines, each of which computes one job at a time.

    Example: ``worker = pool.start(); pool.submit(worker, job); events = pool.poll(0.2); pool.kill(worker)``.
    """

    def start(self) -> int:
        """Start a worker and return its number, which is never reused."""
        ...

    def submit(self, worker: int, job: CellJob) -> None:
        """Submit a job to an idle worker."""
        ...

    def poll(self, seconds: float) -> list[tuple[int, WorkerEvent]]:
        """Wait for events of any worker, at most this many seconds."""
        ...

    def kill(self, worker: int) -> None:
        """Kill a worker at once."""
        ...
