"""The untrusted server, a separate process that knows only what was sent to it.

``Server`` is the handle in the client's process; ``python -m mia_bench.defenses._ckks.server`` is the other side.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .._remote.process import ServerError, ServerProcess, main
from .evaluator import Evaluator
from .parameters import Parameters
from .program import Program, from_bytes, to_bytes

__all__ = ["Server", "ServerError", "ServerState"]


class Server(ServerProcess):
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
        super().__init__(__name__)
        self.ask({"do": "parameters", "parameters": asdict(parameters)}, {})
        for number, (program, images, keys) in enumerate(zip(programs, lanes, rotations, strict=True)):
            self.ask(
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
        header, (reply,) = self.ask({"do": "evaluate", "program": program}, {"ciphertext": ciphertext})
        return reply, header["seconds"]


@dataclass
class ServerState:
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


if __name__ == "__main__":
    main(ServerState().answer)
