"""A client and a server that have exchanged keys, and the rounds between them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ...benchmark.interfaces import Exchange
from .._uncopyable import Unique
from .client import Client
from .compiler import Round
from .parameters import Parameters
from .plan import Plan, ciphertext_bytes, key_bytes
from .program import Array
from .server import Server


@dataclass(frozen=True)
class Forecast:
    """What an encrypted network is predicted to cost.

    Attributes:
        seconds: of the server, for one ciphertext.
        first_seconds: for the first one.
        lanes: images in that ciphertext.
        key_bytes: of the evaluation keys.
        bytes_up: of the first upload.
    """

    seconds: float
    first_seconds: float
    lanes: int
    key_bytes: int
    bytes_up: int

    def total(self, images: int) -> float:
        """Seconds for so many images, in full ciphertexts."""
        return self.first_seconds + (-(-images // self.lanes) - 1) * self.seconds


def forecast(plans: Sequence[Plan]) -> Forecast:
    """Predict the costs of the rounds of a network; later rounds hold at least as many images as the first."""
    first = plans[0]
    share = [first.lanes / plan.lanes for plan in plans]
    keys = sum(len(plan.steps) for plan in plans) + any(any(plan.squares) for plan in plans)
    return Forecast(
        seconds=sum(plan.seconds * part for plan, part in zip(plans, share, strict=True)),
        first_seconds=sum(plan.first_seconds for plan in plans),
        lanes=first.lanes,
        key_bytes=key_bytes(first.parameters, keys),
        bytes_up=ciphertext_bytes(first.parameters),
    )


class Session(Unique):
    """Encrypted inference: this object is the client; the server is a process of its own.

    Attributes:
        rounds: what the two compute in turn.
        plans: how each round is laid out.
        key_bytes: bytes of the evaluation keys that the server was given.
    """

    def __init__(
        self, rounds: Sequence[Round], plans: Sequence[Plan], parameters: Parameters, *, control: bool
    ) -> None:
        """Make keys and start the server.

        Args:
            rounds: what to compute.
            plans: the layout of each.
            parameters: of the encryption.
            control: encrypt zeros instead of the values.
        """
        self.rounds = rounds
        self.plans = plans
        self._control = control
        self._client = Client(parameters)
        rotations = [self._client.rotation_keys(plan.steps) if plan.steps else b"" for plan in plans]
        relinearization = self._client.relinearization_keys() if any(each.program.squares for each in rounds) else b""
        self.key_bytes = sum(map(len, rotations)) + len(relinearization)
        self.server = Server(
            parameters,
            [each.program for each in rounds],
            [plan.lanes for plan in plans],
            relinearization=relinearization,
            rotations=rotations,
        )

    def upload(self, irs: Tensor, *, lanes: int | None = None) -> list[bytes]:
        """Encrypt IRs (N, ...) for the first round, as many in a ciphertext as fit, or as given."""
        return self._encrypt(0, irs, lanes or self.plans[0].lanes)

    def finish(self, messages: Sequence[bytes], images: int, *, lanes: int | None = None) -> Exchange:
        """Go through all rounds with what was uploaded.

        Args:
            messages: ciphertexts of the first round.
            images: how many they hold together.
            lanes: how many each holds, if not as many as fit.

        Raises:
            ServerError: if the server cannot.
            Undecipherable: if a reply was damaged on the way.
        """
        start, server_seconds, up, down = time.perf_counter(), 0.0, 0, 0
        value = torch.empty(0)
        for number, each in enumerate(self.rounds):
            if number:
                messages = self._encrypt(number, value, lanes or self.plans[number].lanes)
                up += sum(map(len, messages))
            replies = []
            for message in messages:
                reply, seconds = self.server.evaluate(number, message)
                server_seconds += seconds
                replies.append(reply)
            down += sum(map(len, replies))
            value = self._decrypt(number, replies, images, lanes or self.plans[number].lanes).unflatten(1, each.shape)
        client_seconds = time.perf_counter() - start - server_seconds
        return Exchange(value, 1000 * client_seconds, 1000 * server_seconds, up, down)

    def _encrypt(self, number: int, value: Tensor, lanes: int) -> list[bytes]:
        each = self.rounds[number]
        with torch.no_grad():
            values = each.local(value.cpu()).flatten(1).double().numpy() * each.program.input_scale
        if self._control:
            values = np.zeros_like(values)
        width = self.plans[number].lanes
        return [self._client.encrypt(values[at : at + lanes], width) for at in range(0, len(values), lanes)]

    def _decrypt(self, number: int, replies: Sequence[bytes], images: int, lanes: int) -> Tensor:
        program, width = self.rounds[number].program, self.plans[number].lanes
        parts: list[Array] = []
        for index, reply in enumerate(replies):
            count = min(lanes, images - index * lanes)
            parts.append(self._client.decrypt(reply, numbers=program.outputs, count=count, lanes=width))
        return torch.from_numpy(cast(Array, np.concatenate(parts)) / program.output_scale).float()
