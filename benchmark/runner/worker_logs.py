"""The transfer of log messages from worker processes to the process that started them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import clean
from ..utils.stderr_logs import PACKAGE


@dataclass(frozen=True)
class LogMessage:
    """Hold a log record that is sent between processes.

    Attributes:
        logger: The name of the logger.
        level: The number of the level, such as ``logging.INFO``.
        text: The message on one line.

    Example:
        >>> LogMessage("mia_bench.example", logging.DEBUG, "It works.").deliver()
    """

    logger: str
    level: int
    text: str

    def deliver(self) -> None:
        """Log the message in this process, with the handlers and levels of this process."""
        logging.getLogger(self.logger).log(self.level, "%s", self.text)


class LogForwarder(logging.Handler):
    """Send log records to another process.

    Example:
        >>> LogForwarder(print).emit(logging.makeLogRecord({"name": "a", "levelno": 20, "msg": "It works."}))
        LogMessage(logger='a', level=20, text='It works.')
    """

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
        level: The lowest level of messages of the package that are sent.
        send: A function that sends a message to the other process.
    """
    logging.getLogger(PACKAGE).setLevel(level)
    logging.getLogger().addHandler(LogForwarder(send))
