"""The untrusted server as a process of its own: all that it knows has crossed a pipe.

``Server`` is the handle in the client's process; ``python -m mia_bench.defenses._ckks.server`` is the other side.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, BinaryIO, NamedTuple, cast

from .._uncopyable import Unique
from . import frames
from .evaluator import Evaluator
from .parameters import Parameters
from .program import Program, from_bytes, to_bytes


class Crossing(NamedTuple):
    """Something that was given to the server."""

    name: str
    nbytes: int


class ServerError(RuntimeError):
    """The server refused a message, or is gone."""


class Server(Unique):
    """A running server process.

    Attributes:
        crossed: what it was given so far: names and sizes.
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
        """Start the process and give it the parameters, the programs and the evaluation keys."""
        self.crossed: list[Crossing] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._finalizer = weakref.finalize(self, _stop, self._process)
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
        """Have a program run on a ciphertext.

        Returns:
            The encrypted result, and the seconds that the server worked.

        Raises:
            ServerError: if the server cannot.
        """
        header, (reply,) = self._ask({"do": "evaluate", "program": program}, {"ciphertext": ciphertext})
        return reply, header["seconds"]

    def close(self) -> None:
        """End the process."""
        self._finalizer()

    def _ask(self, header: dict[str, Any], blobs: dict[str, bytes]) -> tuple[dict[str, Any], list[bytes]]:
        self.crossed += [
            Crossing(f"{header['do']} header", len(str(header))),
            *(Crossing(name, len(blob)) for name, blob in blobs.items()),
        ]
        try:
            frames.write(cast(BinaryIO, self._process.stdin), header, list(blobs.values()))
            answer, replies = frames.read(cast(BinaryIO, self._process.stdout))
        except (EOFError, OSError) as error:
            raise ServerError(f"the server process is gone (exit code {self._process.poll()})") from error
        if "error" in answer:
            raise ServerError(f"the server refuses: {answer['error']}")
        return answer, replies


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except BrokenPipeError:
                continue  # something was still buffered for the process that is gone


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests until the client is gone."""
    parameters: Parameters | None = None
    programs: list[Evaluator] = []
    while True:
        try:
            header, blobs = frames.read(requests)
        except EOFError:
            return
        answer: dict[str, Any] = {}
        results: list[bytes] = []
        try:
            if header["do"] == "parameters":
                given = header["parameters"]
                parameters = Parameters(given["ring"], tuple(given["moduli"]), given["scale_bits"])
            elif header["do"] == "program":
                assert parameters is not None
                layers, relinearization, rotations = blobs
                programs.append(
                    Evaluator(
                        from_bytes(layers),
                        parameters,
                        lanes=header["lanes"],
                        relinearization=relinearization,
                        rotations=rotations,
                    )
                )
            else:
                start = time.perf_counter()
                results = [programs[header["program"]](blobs[0])]
                answer["seconds"] = time.perf_counter() - start
        except (ValueError, RuntimeError) as error:
            answer["error"] = str(error)
        frames.write(replies, answer, results)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the client's business, whose end closes the pipe
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the replies
    serve(sys.stdin.buffer, pipe)
