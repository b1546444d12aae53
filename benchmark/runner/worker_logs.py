"""Log messages of worker processes, on their way to the process that started them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import clean
from ..utils.stderr_logs import PACKAGE


@dataclass(frozen=True)
class LogMessage:
    """A log record as it travels between processes.

    Attributes:
        logger: the name of the logger.
        level: the number of its level.
        text: the message on one line.
    """

    logger: str
    level: int
    text: str

    def deliver(self) -> None:
        """Log it in this process, where the handlers and levels of this process decide what becomes of it."""
        logging.getLogger(self.logger).log(self.level, "%s", self.text)


class LogForwarder(logging.Handler):
    """Sends log records to another process."""

    def __init__(self, send: Callable[[LogMessage], object]) -> None:
        """Send each record by ``send``."""
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        try:
            self._send(LogMessage(record.name, record.levelno, clean(record.getMessage())))
        except Exception:
            self.handleError(record)


def wanted_level() -> int:
    """Return the level from which this process handles messages of the package, for its workers."""
    return logging.getLogger(PACKAGE).getEffectiveLevel()


def forward_logs(level: int, send: Callable[[LogMessage], object]) -> None:
    """Send what is logged in this worker process from now on, also by plug-ins, to the process that started it.

    Args:
        level: from which messages of the package are sent.
        send: takes a message to the other process.
    """
    logging.getLogger(PACKAGE).setLevel(level)
    logging.getLogger().addHandler(LogForwarder(send))
