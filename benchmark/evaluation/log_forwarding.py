"""What components tell with the ``logging`` module reaches whoever watches the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Forward(logging.Handler):
    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        self._report(record.getMessage())


@contextmanager
def forward_logs(logger: str, report: Callable[[str], None]) -> Iterator[None]:
    """Pass on what is logged below ``logger``, from level INFO upwards, while the block runs."""
    source, handler = logging.getLogger(logger), _Forward(report)
    level = source.level
    source.addHandler(handler)
    source.setLevel(logging.INFO)
    try:
        yield
    finally:
        source.removeHandler(handler)
        source.setLevel(level)
