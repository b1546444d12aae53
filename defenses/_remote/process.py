"""A server that is a separate process and knows only what was sent to it."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, cast

from .._uncopyable import Uncopyable
from . import frames

STDERR = 2
"""File descriptor that also receives the standard output of the server process."""

Answer = Callable[[dict[str, Any], list[bytes]], tuple[dict[str, Any], list[bytes]]]
"""Maps the header and the blobs of a request to those of the answer."""


class SentItem(NamedTuple):
    """An item that was sent to the server."""

    name: str
    nbytes: int


class ServerError(RuntimeError):
    """Raised if the server refuses a message, or its process has ended."""


class ServerProcess(Uncopyable):
    """The client's handle of a running server process.

    Attributes:
        sent: Names and sizes of everything that was sent to the server.
    """

    def __init__(self, module: str, *, name: str = "server") -> None:
        """Start a process.

        Args:
            module: Its code, which is run as ``python -P -m MODULE DESCRIPTOR`` and calls ``main``. No modules of the
                current folder are imported.
            name: Name of the server in messages.
        """
        self.sent: list[SentItem] = []
        self.name = name
        self._connection, theirs = cast(tuple[Connection, Connection], multiprocessing.Pipe())
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=STDERR,
                pass_fds=[theirs.fileno()],
            )
        self._finalizer = weakref.finalize(self, _stop, self._process, self._connection)

    def close(self) -> None:
        """End the process."""
        self._finalizer()

    def ask(self, header: dict[str, Any], blobs: Mapping[str, bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Send a request, with blobs by name, and wait for the answer.

        Raises:
            ServerError: If the server refuses the request, or its process has ended.
        """
        self.post(header, blobs)
        return self.collect()

    def post(self, header: dict[str, Any], blobs: Mapping[str, bytes]) -> None:
        """Send a request, with blobs by name, without waiting. Collect its answer before the next request.

        Raises:
            ServerError: If the process has ended.
        """
        self.sent += [
            SentItem(f"{header['do']} header", len(str(header))),
            *(SentItem(name, len(blob)) for name, blob in blobs.items()),
        ]
        try:
            frames.send(self._connection, header, list(blobs.values()))
        except OSError as error:
            raise self._ended() from error

    def collect(self) -> tuple[dict[str, Any], list[bytes]]:
        """Wait for the answer to the last request.

        Raises:
            ServerError: If the server refuses the request, or its process has ended.
        """
        try:
            answer, replies = frames.receive(self._connection)
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if "error" in answer:
            raise ServerError(f"The {self.name} refuses the message. {answer['error']}")
        return answer, replies

    def _ended(self) -> ServerError:
        return ServerError(f"The {self.name} process has ended (exit code {self._process.poll()}).")


def _stop(process: subprocess.Popen[bytes], connection: Connection) -> None:
    process.kill()
    process.wait()
    connection.close()


def serve(connection: Connection, answer: Answer) -> None:
    """Answer requests until the client closes the connection. A request that is refused ends nothing.

    Args:
        connection: Connection to the client.
        answer: Processes a request. ``ValueError`` and ``RuntimeError`` refuse it.
    """
    while True:
        try:
            header, blobs = frames.receive(connection)
        except EOFError:
            return
        try:
            found, results = answer(header, blobs)
        except (ValueError, RuntimeError) as error:
            found, results = {"error": str(error)}, []
        try:
            frames.send(connection, found, results)
        except OSError:
            return


def main(answer: Answer) -> None:
    """Serve the client whose connection has the descriptor that is the first argument of this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The client handles Ctrl-C and closes the connection when it ends.
    serve(Connection(int(sys.argv[1])), answer)
