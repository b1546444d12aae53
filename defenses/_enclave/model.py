"""Split models whose layers behind the split run in an enclave."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from ...benchmark.interfaces import Channel, Exchange, SplitModel, Wire, byte_view
from .enclave import Enclave
from .float_bytes import float_bytes, from_float_bytes
from .sealed_channel import HEADER, Session


class SealedChannel(Channel):
    """What an attacker can make of a sealed IR: its ciphertext, read as numbers like those of an IR."""

    stochastic = True
    mean: Tensor
    std: Tensor

    def __init__(self, irs: Tensor) -> None:
        """Publish shape, mean and standard deviation of some IRs (K, ...)."""
        super().__init__()
        self.shape = irs.shape[1:]
        self.register_buffer("mean", irs.mean())
        self.register_buffer("std", irs.std())

    def read(self, wire: Wire) -> Tensor:
        """The first encrypted bytes of each message, shifted and scaled to the mean and spread of IRs, (N, ...)."""
        if isinstance(wire.payload, Tensor):  # an attacker's own imitation, in numbers already
            return wire.payload
        numbers = encrypted_bytes(wire.payload)[:, : self.shape.numel()]
        uniform = (numbers - 0.5) * 12**0.5  # bytes of a ciphertext are uniform, so now of mean 0 and variance 1
        return uniform.to(self.mean.device).view(-1, *self.shape) * self.std + self.mean


def encrypted_bytes(messages: tuple[bytes, ...]) -> Tensor:
    """The messages without their headers, which only count, as numbers in [0, 1], (N, length)."""
    return byte_view(tuple(message[HEADER:] for message in messages))


@dataclass(frozen=True, kw_only=True)
class EnclaveModel(SplitModel):
    """A device that talks only to an enclave; IRs and logits travel sealed.

    ``server`` holds the weights that run in the enclave, which are no secret, for training and for attackers who know
    them. Copies of the model share the session and the enclave.

    Attributes:
        depth: how many modules of ``client`` the device runs.
        session: the device's end of the sealed channel.
        enclave: the other end.
        gives: shape of one result of the enclave.
    """

    depth: int
    session: Session
    enclave: Enclave
    gives: torch.Size

    @property
    def on_device(self) -> nn.Sequential:
        """The layers that the device runs."""
        return self.client[: self.depth]

    @property
    def stochastic(self) -> bool:
        """Every message has a nonce of its own."""
        return True

    def send(self, images: Tensor) -> Wire:
        """Run the device's layers on images (N, C, H, W); one sealed message for each."""
        with torch.no_grad():
            irs = self.on_device(self.input_channel(images)).cpu()
        return Wire(tuple(self.session.outgoing.seal(float_bytes(ir)) for ir in irs), view=encrypted_bytes)

    def exchange(self, wire: Wire) -> Exchange:
        """Let the enclave answer messages that it has not seen yet.

        Raises:
            Refused: if a message, or the answer to it, is not the other end's next one.
        """
        start = time.perf_counter()
        replies = self._run_enclave(wire)
        arrived = time.perf_counter()
        logits = self._results([self.session.incoming.open(reply) for reply in replies])
        return Exchange(
            logits,
            client_ms=1000 * (time.perf_counter() - arrived),
            server_ms=1000 * (arrived - start),
            more_bytes_up=0,
            bytes_down=sum(map(len, replies)),
        )

    def _run_enclave(self, wire: Wire) -> list[bytes]:
        return self.enclave.run(cast(tuple[bytes, ...], wire.payload))

    def _results(self, payloads: list[bytes]) -> Tensor:
        """What the enclave has computed, (N, ...), where the device's weights are."""
        where = next(self.client.buffers()).device
        return from_float_bytes(payloads, self.gives).to(where)


@dataclass(frozen=True, kw_only=True)
class PartitionedModel(EnclaveModel):
    """An enclave that runs the layers up to an exit; an untrusted host runs the rest, and sees the IR at the exit.

    ``client`` holds all layers up to the exit: of those the attacker sees the result. The device runs the first
    ``depth`` of them, the enclave the others. Logits come back in the clear, since the host has computed them.

    Source: Benkraouda & Nahrstedt, DistributedML 2021.
    """

    def overheard(self, images: Tensor) -> Wire:
        """The IR at the exit, (N, ...), for images (N, C, H, W); beside it, the sealed messages tell nothing."""
        return Wire(self._results(self._run_enclave(self.send(images))))

    def exchange(self, wire: Wire) -> Exchange:
        """Let the enclave and then the host work on messages that the enclave has not seen yet.

        Raises:
            Refused: if a message is not the device's next one.
        """
        start = time.perf_counter()
        with torch.no_grad():
            logits = self.server(self._results(self._run_enclave(wire)))
        if logits.is_cuda:
            torch.cuda.synchronize(logits.device)
        milliseconds = 1000 * (time.perf_counter() - start)
        return Exchange(logits, client_ms=0, server_ms=milliseconds, more_bytes_up=0, bytes_down=logits.nbytes)
