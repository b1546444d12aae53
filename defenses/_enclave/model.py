"""Split models whose layers after the split run in an enclave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from ...benchmark.interfaces import Channel, Exchange, SplitModel, Wire, byte_view, timed_ms
from .._deviation import deviation
from .enclave import Enclave
from .float_bytes import float_bytes, from_float_bytes
from .sealed_channel import HEADER_BYTES, ChannelEnd


class SealedChannel(Channel):
    """The channel of sealed IRs: an attacker reads the ciphertext as numbers with the statistics of an IR."""

    stochastic = True
    mean: Tensor
    std: Tensor

    def __init__(self, irs: Tensor) -> None:
        """Publish shape, mean and standard deviation of some IRs (K, ...)."""
        super().__init__()
        self.shape = irs.shape[1:]
        self.register_buffer("mean", irs.mean())
        self.register_buffer("std", deviation(irs))

    def read(self, wire: Wire) -> Tensor:
        """Return the first encrypted bytes of each message, scaled to the mean and deviation of IRs, (N, ...)."""
        if isinstance(wire.payload, Tensor):  # An imitation by an attacker, which consists of numbers.
            return wire.payload
        numbers = encrypted_bytes(wire.payload)[:, : self.shape.numel()]
        uniform = (numbers - 0.5) * 12**0.5  # Bytes of a ciphertext are uniform, so this has mean 0 and variance 1.
        return uniform.to(self.mean.device).view(-1, *self.shape) * self.std + self.mean


def encrypted_bytes(messages: tuple[bytes, ...]) -> Tensor:
    """Return messages without their headers, which are counters, as numbers in [0, 1], (N, length)."""
    return byte_view(tuple(message[HEADER_BYTES:] for message in messages))


@dataclass(frozen=True, kw_only=True)
class EnclaveModel(SplitModel):
    """A split model whose device communicates with an enclave only. IRs and logits are sent sealed.

    ``server`` holds the weights that run in the enclave. They are public, for training and for attackers who know them.
    Copies of the model share the session and the enclave.

    Attributes:
        depth: Number of modules of ``client`` that run on the device.
        session: The device's end of the sealed channel.
        enclave: The enclave at the other end.
        gives: Shape of one result of the enclave.
    """

    depth: int
    session: ChannelEnd
    enclave: Enclave
    gives: torch.Size

    @property
    def on_device(self) -> nn.Sequential:
        """The layers that the device runs."""
        return self.client[: self.depth]

    @property
    def stochastic(self) -> bool:
        """Whether sending is random: always True, since every message has a new nonce."""
        return True

    def send(self, images: Tensor) -> Wire:
        """Run the layers on the device on images (N, C, H, W) and seal one message for each image."""
        with torch.no_grad():
            irs = self.on_device(self.input_channel(images)).cpu()
        return Wire(tuple(self.session.outgoing.seal(float_bytes(ir)) for ir in irs), view=encrypted_bytes)

    def exchange(self, wire: Wire) -> Exchange:
        """Have the enclave answer new messages.

        Raises:
            ChannelError: If a message, or the answer to it, is not the next one of the other end.
        """
        with timed_ms(self.device) as in_the_cloud:
            replies = self._run_enclave(wire)
        with timed_ms(self.device) as on_the_client:
            logits = self._results([self.session.incoming.open(reply) for reply in replies])
        return Exchange(
            logits,
            client_ms=on_the_client.ms,
            server_ms=in_the_cloud.ms,
            more_bytes_up=0,
            bytes_down=sum(map(len, replies)),
        )

    def _run_enclave(self, wire: Wire) -> list[bytes]:
        return self.enclave.run(cast(tuple[bytes, ...], wire.payload))

    def _results(self, payloads: list[bytes]) -> Tensor:
        """Return the results of the enclave, (N, ...), on the torch device of the client."""
        return from_float_bytes(payloads, self.gives).to(self.device)


@dataclass(frozen=True, kw_only=True)
class PartitionedModel(EnclaveModel):
    """A split model with an enclave that runs the layers up to an exit. An untrusted host runs the rest.

    ``client`` holds all layers up to the exit, whose result the host observes. The device runs the first ``depth`` of
    them and the enclave the others. Logits are returned unencrypted, since the host has computed them.

    Source: Benkraouda & Nahrstedt, DistributedML 2021.
    """

    def overheard(self, images: Tensor) -> Wire:
        """Return the IR at the exit, (N, ...), for images (N, C, H, W). The sealed messages would add nothing."""
        return Wire(self._results(self._run_enclave(self.send(images))))

    def exchange(self, wire: Wire) -> Exchange:
        """Have the enclave and then the host compute the logits of new messages.

        Raises:
            ChannelError: If a message is not the next one of the device.
        """
        with timed_ms(self.device) as elapsed, torch.no_grad():
            logits = self.server(self._results(self._run_enclave(wire)))
        return Exchange(logits, client_ms=0, server_ms=elapsed.ms, more_bytes_up=0, bytes_down=logits.nbytes)
