"""Encrypted inference in rounds between a client and a server that have exchanged keys."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ...benchmark.interfaces import Exchange
from .._uncopyable import Uncopyable
from .client import CkksClient
from .compiler import Round
from .layout import PackingLayout, ciphertext_bytes, key_bytes
from .parameters import Parameters
from .program import Array
from .server import Server


@dataclass(frozen=True)
class Forecast:
    """The predicted costs of an encrypted network.

    Attributes:
        seconds: Seconds of the server for one ciphertext after the first.
        first_seconds: Seconds of the server for the first ciphertext.
        lanes: Images in one ciphertext.
        key_bytes: Bytes of the evaluation keys.
        bytes_up: Bytes of the first upload.
    """

    seconds: float
    first_seconds: float
    lanes: int
    key_bytes: int
    bytes_up: int

    def total(self, images: int) -> float:
        """Return the predicted seconds for a number of images, in full ciphertexts."""
        return self.first_seconds + (-(-images // self.lanes) - 1) * self.seconds


def forecast(layouts: Sequence[PackingLayout]) -> Forecast:
    """Predict the costs of the rounds of a network. Later rounds hold at least as many images as the first."""
    first = layouts[0]
    share = [first.lanes / layout.lanes for layout in layouts]
    keys = sum(len(layout.steps) for layout in layouts) + any(any(layout.squares) for layout in layouts)
    return Forecast(
        seconds=sum(layout.seconds * part for layout, part in zip(layouts, share, strict=True)),
        first_seconds=sum(layout.first_seconds for layout in layouts),
        lanes=first.lanes,
        key_bytes=key_bytes(first.parameters, keys),
        bytes_up=ciphertext_bytes(first.parameters),
    )


class Session(Uncopyable):
    """Encrypted inference. This object is the client; the server is a separate process.

    Attributes:
        rounds: Computations between two decryptions.
        layouts: Layout of each round.
        key_bytes: Bytes of the evaluation keys that were sent to the server.
    """

    def __init__(
        self, rounds: Sequence[Round], layouts: Sequence[PackingLayout], parameters: Parameters, *, control: bool
    ) -> None:
        """Generate keys and start the server.

        Args:
            rounds: Computations between two decryptions.
            layouts: Layout of each round.
            parameters: CKKS parameters.
            control: Encrypt zeros instead of the values.
        """
        self.rounds = rounds
        self.layouts = layouts
        self._control = control
        self._client = CkksClient(parameters)
        rotations = [self._client.rotation_keys(layout.steps) if layout.steps else b"" for layout in layouts]
        relinearization = self._client.relinearization_keys() if any(each.program.squares for each in rounds) else b""
        self.key_bytes = sum(map(len, rotations)) + len(relinearization)
        self.server = Server(
            parameters,
            [each.program for each in rounds],
            [layout.lanes for layout in layouts],
            relinearization=relinearization,
            rotations=rotations,
        )

    def upload(self, irs: Tensor, *, lanes: int | None = None) -> list[bytes]:
        """Encrypt IRs (N, ...) for the first round, with ``lanes`` of them in a ciphertext, or as many as fit."""
        return self._encrypt(0, irs, lanes or self.layouts[0].lanes)

    def finish(self, messages: Sequence[bytes], images: int, *, lanes: int | None = None) -> Exchange:
        """Run all rounds on uploaded ciphertexts.

        Args:
            messages: Ciphertexts of the first round.
            images: Number of images in all of them together.
            lanes: Number of images in each of them, if not as many as fit.

        Raises:
            ServerError: If the server refuses a message, or its process has ended.
            DecryptionError: If a reply is damaged.
        """
        start, server_seconds, up, down = time.perf_counter(), 0.0, 0, 0
        value = torch.empty(0)
        for number, each in enumerate(self.rounds):
            if number:
                messages = self._encrypt(number, value, lanes or self.layouts[number].lanes)
                up += sum(map(len, messages))
            replies = []
            for message in messages:
                reply, seconds = self.server.evaluate(number, message)
                server_seconds += seconds
                replies.append(reply)
            down += sum(map(len, replies))
            value = self._decrypt(number, replies, images, lanes or self.layouts[number].lanes).unflatten(1, each.shape)
        client_seconds = time.perf_counter() - start - server_seconds
        return Exchange(value, 1000 * client_seconds, 1000 * server_seconds, up, down, rounds=len(self.rounds))

    def _encrypt(self, number: int, value: Tensor, lanes: int) -> list[bytes]:
        each = self.rounds[number]
        with torch.no_grad():
            values = each.local(value.cpu()).flatten(1).double().numpy() * each.program.input_scale
        if self._control:
            values = np.zeros_like(values)
        width = self.layouts[number].lanes
        return [self._client.encrypt(values[at : at + lanes], width) for at in range(0, len(values), lanes)]

    def _decrypt(self, number: int, replies: Sequence[bytes], images: int, lanes: int) -> Tensor:
        program, width = self.rounds[number].program, self.layouts[number].lanes
        parts: list[Array] = []
        for index, reply in enumerate(replies):
            count = min(lanes, images - index * lanes)
            parts.append(self._client.decrypt(reply, numbers=program.outputs, count=count, lanes=width))
        return torch.from_numpy(cast(Array, np.concatenate(parts)) / program.output_scale).float()
