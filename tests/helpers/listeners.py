"""Listeners of a run."""

from mia_bench.benchmark.leaderboard.store import Record


class Silent:
    """Shows nothing."""

    def started(self, label: str) -> None: ...

    def finished(self, label: str, record: Record) -> None: ...

    def note(self, message: str) -> None: ...
