"""The untrusted server, a separate process that knows only what was sent to it.

``Server`` is the handle in the client's process; ``python -m mia_bench.defenses._ckks.server`` is the other side.
"""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, cast

from .._uncopyable import Uncopyable
from . import frames
from .evaluator import Evaluator
from .parameters import Parameters
from .program import Program, from_bytes, to_bytes

STDERR = 2
"""File descriptor that also receives the standard output of the server process."""


class SentItem(NamedTuple):
    """An item that was sent to the server."""

    name: str
    nbytes: int


class ServerError(RuntimeError):
    """Raised if the server refuses a message, or its process has ended."""


class Server(Uncopyable):
    """A running server process.

    Attributes:
        sent: Names and sizes of everything that was sent to the server.
    """

    def __init__(
        self,
        parameters: Parameters,
        programs: Sequence[Program],
        lanes: Sequence[int],
        *,
        relinearization: bytes,
        rotations: Sequence[bytes],
    ) -> None:
        """Start the process and send it the parameters, the programs and the evaluation keys.

        Args:
            parameters: CKKS parameters.
            programs: Programs, one for each round.
            lanes: Images in one ciphertext, for each program.
            relinearization: Keys for squares.
            rotations: Keys for rotations, for each program.
        """
        self.sent: list[SentItem] = []
        self._connection, theirs = cast(tuple[Connection, Connection], multiprocessing.Pipe())
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=STDERR,
                pass_fds=[theirs.fileno()],
            )
        self._finalizer = weakref.finalize(self, _stop, self._process, self._connection)
        self._ask({"do": "parameters", "parameters": asdict(parameters)}, {})
        for number, (program, images, keys) in enumerate(zip(programs, lanes, rotations, strict=True)):
            self._ask(
                {"do": "program", "lanes": images},
                {
                    f"program {number}": to_bytes(program.layers),
                    f"relinearization keys {number}": relinearization if program.squares else b"",
                    f"rotation keys {number}": keys,
                },
            )

    def evaluate(self, program: int, ciphertext: bytes) -> tuple[bytes, float]:
        """Run a program on a ciphertext.

        Returns:
            The encrypted result, and the seconds of computation on the server.

        Raises:
            ServerError: If the server refuses the ciphertext, or its process has ended.
        """
        header, (reply,) = self._ask({"do": "evaluate", "program": program}, {"ciphertext": ciphertext})
        return reply, header["seconds"]

    def close(self) -> None:
        """End the process."""
        self._finalizer()

    def _ask(self, header: dict[str, Any], blobs: dict[str, bytes]) -> tuple[dict[str, Any], list[bytes]]:
        self.sent += [
            SentItem(f"{header['do']} header", len(str(header))),
            *(SentItem(name, len(blob)) for name, blob in blobs.items()),
        ]
        try:
            frames.send(self._connection, header, list(blobs.values()))
            answer, replies = frames.receive(self._connection)
        except (EOFError, OSError) as error:
            raise ServerError(f"The server process has ended (exit code {self._process.poll()}).") from error
        if "error" in answer:
            raise ServerError(f"The server refuses the message. {answer['error']}")
        return answer, replies


def _stop(process: subprocess.Popen[bytes], connection: Connection) -> None:
    process.kill()
    process.wait()
    connection.close()


@dataclass
class _State:
    """The parameters and programs that the server process has received."""

    parameters: Parameters | None = None
    programs: list[Evaluator] = field(default_factory=list)

    def answer(self, header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Process one request and return the answer."""
        match header["do"]:
            case "parameters":
                given = header["parameters"]
                self.parameters = Parameters(given["ring"], tuple(given["moduli"]), given["scale_bits"])
            case "program":
                assert self.parameters is not None
                layers, relinearization, rotations = blobs
                evaluator = Evaluator(
                    from_bytes(layers),
                    self.parameters,
                    lanes=header["lanes"],
                    relinearization=relinearization,
                    rotations=rotations,
                )
                self.programs.append(evaluator)
            case _:
                start = time.perf_counter()
                result = self.programs[header["program"]](blobs[0])
                return {"seconds": time.perf_counter() - start}, [result]
        return {}, []


def serve(connection: Connection) -> None:
    """Answer requests until the client closes the connection."""
    state = _State()
    while True:
        try:
            header, blobs = frames.receive(connection)
        except EOFError:
            return
        try:
            answer, results = state.answer(header, blobs)
        except (ValueError, RuntimeError) as error:
            answer, results = {"error": str(error)}, []
        try:
            frames.send(connection, answer, results)
        except OSError:
            return


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The client handles Ctrl-C and closes the connection when it ends.
    serve(Connection(int(sys.argv[1])))
