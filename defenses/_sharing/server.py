"""One of the two untrusted servers, a separate process that knows the weights and one share of each value.

``Server`` is the handle in the client's process; ``python -m mia_bench.defenses._sharing.server`` is the other side.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._remote.process import ServerError, ServerProcess, main
from .layers import IntegerLayer, packed, unpacked
from .ring import Ring


class Server(ServerProcess):
    """A running server process."""

    def __init__(self, rounds: Sequence[Sequence[IntegerLayer]], *, name: str, adds_bias: bool) -> None:
        """Start the process and send it the layers of each round.

        Args:
            rounds: The layers of each round.
            name: Name of the server in messages.
            adds_bias: Whether this server adds the biases, which exactly one of the two does.
        """
        super().__init__(__name__, name=name)
        for number, layers in enumerate(rounds):
            described, blobs = packed(layers)
            names = [f"{part} {number}.{place}" for place in range(len(layers)) for part in ("weights", "bias")]
            self.ask({"do": "layers", "layers": described, "bias": adds_bias}, dict(zip(names, blobs, strict=True)))

    def begin(self, number: int, share: Ring) -> None:
        """Send the shares of N values, (N, ...), for a round, without waiting.

        Raises:
            ServerError: If the process has ended.
        """
        self.post({"do": "evaluate", "round": number, "shape": share.shape}, {"share": share.tobytes()})

    def finish(self, shape: tuple[int, ...]) -> tuple[Ring, float]:
        """Wait for the shares of the results, and return them, (N, ...), and the seconds of computation.

        Raises:
            ServerError: If the server refuses the shares, its process has ended, or its reply has another size.
        """
        header, (reply,) = self.collect()
        if len(reply) != 8 * np.prod(shape):
            raise ServerError(
                f"Expected shares of {int(np.prod(shape))} numbers from the {self.name}, got {len(reply)} bytes."
            )
        return np.frombuffer(reply, dtype=np.uint64).reshape(shape), header["seconds"]


@dataclass
class ServerState:
    """The layers that the server process has received."""

    rounds: list[list[IntegerLayer]] = field(default_factory=list)
    adds_bias: bool = False

    def answer(self, header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Process one request and return the answer."""
        if header["do"] == "layers":
            self.rounds.append(unpacked(header["layers"], blobs))
            self.adds_bias = header["bias"]
            return {}, []
        start, shape = time.perf_counter(), tuple(header["shape"])
        if len(blobs[0]) != 8 * np.prod(shape):
            raise ValueError(f"Expected shares of {int(np.prod(shape))} numbers, got {len(blobs[0])} bytes.")
        numbers = np.frombuffer(blobs[0], dtype=np.uint64).reshape(shape)
        for layer in self.rounds[header["round"]]:
            numbers = layer(numbers, add_bias=self.adds_bias)
        return {"seconds": time.perf_counter() - start}, [numbers.tobytes()]


if __name__ == "__main__":
    main(ServerState().answer)
