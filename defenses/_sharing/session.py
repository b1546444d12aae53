"""Inference on shares, in rounds between a device and two servers."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ...benchmark.interfaces import Exchange
from .._remote.process import ServerError
from .._uncopyable import Uncopyable
from .compiler import Round
from .layers import output_bound
from .ring import Ring, decode, encode, share
from .server import Server

NAMES = ("first server", "second server")


class Session(Uncopyable):
    """Inference on shares. This object is the device; the two servers are separate processes.

    Each server is given the layers, and one of two shares of each value. The object never sends both shares to one of
    them, and writes none to a file.

    Attributes:
        rounds: What the servers compute between two visits to the device.
        last: Layers that the device computes after the last round.
        bits: Fractional bits of shared values.
        shape: Shape of the value of one image that is shared in the first round.
        servers: The two processes. The first adds the biases.
    """

    def __init__(self, rounds: Sequence[Round], last: nn.Sequential, *, bits: int, shape: tuple[int, ...]) -> None:
        """Start both servers."""
        self.shape = shape
        self.rounds = rounds
        self.last = last
        self.bits = bits
        layers = [each.layers for each in rounds]
        self.servers = [Server(layers, name=name, adds_bias=name == NAMES[0]) for name in NAMES]

    def share(self, number: int, values: Tensor) -> tuple[Ring, Ring]:
        """Return the two shares of values (N, ...) for a round, after the layers that the device computes.

        Raises:
            PrecisionError: If a value is too large for the ring.
        """
        with torch.no_grad():
            local = self.rounds[number].local(values.cpu()).double().numpy()
        return share(encode(local, self.bits, limit=self.rounds[number].limit))

    def finish(self, shares: tuple[Ring, Ring]) -> Exchange:
        """Run all rounds on the shares of the first one, (N, ...) each.

        Raises:
            PrecisionError: If a value is too large for the ring.
            ServerError: If a server refuses its share, has ended, or gives a share that no such input has.
        """
        start, server_seconds, up, down = time.perf_counter(), 0.0, 0, 0
        values = torch.empty(0)
        for number in range(len(self.rounds)):
            if number:
                shares = self.share(number, values)
                up += sum(each.nbytes for each in shares)
            result, seconds = self._evaluate(number, shares)
            server_seconds += seconds
            down += 2 * result.nbytes
            values = torch.from_numpy(decode(result, self.rounds[number].bits)).float()
        with torch.no_grad():
            logits = self.last(values)
        client_seconds = time.perf_counter() - start - server_seconds
        return Exchange(logits, 1000 * client_seconds, 1000 * server_seconds, up, down, rounds=len(self.rounds))

    def _evaluate(self, number: int, shares: tuple[Ring, Ring]) -> tuple[Ring, float]:
        """Have both servers compute at the same time. Return the sum of their replies and the slower one's seconds."""
        each, largest = self.rounds[number], _largest(shares[0] + shares[1])
        if largest > each.limit:
            raise ServerError(
                f"Expected two shares of a value of at most {each.limit / 2.0**self.bits:.3g} in round {number + 1}, "
                f"got shares of {largest / 2.0**self.bits:.3g}. They do not belong together. Share the value again."
            )
        for server, one in zip(self.servers, shares, strict=True):
            server.begin(number, one)
        (first, some), (second, more) = self._replies((len(shares[0]), *each.shape))
        result, bound = first + second, output_bound(each.layers, largest)
        if _largest(result) > bound:
            raise ServerError(
                f"Expected results of at most {bound / 2.0**each.bits:.3g} in round {number + 1}, got "
                f"{_largest(result) / 2.0**each.bits:.3g}. A server has replied with the share of another value."
            )
        return result, max(some, more)

    def _replies(self, shape: tuple[int, ...]) -> list[tuple[Ring, float]]:
        """Read the replies of both servers, even if the first is an error, so that none is left for later."""
        replies, errors = list[tuple[Ring, float]](), list[ServerError]()
        for server in self.servers:
            try:
                replies.append(server.finish(shape))
            except ServerError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return replies


def _largest(numbers: Ring) -> int:
    """Return the largest magnitude, of at most 2^63."""
    signed = numbers.view(np.int64)
    return max(-int(signed.min(initial=0)), int(signed.max(initial=0)))
