"""A simulated enclave: layers behind an attested, encrypted channel.

Nothing isolates the enclave from its process. The simulation shows what crosses its border, in which form and at which
cost.

Source: Costan & Devadas 2016, "Intel SGX explained"; Benkraouda & Nahrstedt, DistributedML 2021, for ``releases``.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from typing import Protocol

import torch
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from torch import Tensor, nn

from .._uncopyable import Uncopyable
from .attestation import Quote, SimulatedDevice, measure, verify
from .channel_errors import ChannelError
from .float_bytes import float_bytes, from_float_bytes
from .sealed_channel import ChannelEnd, Lengths, agree

NONCE_BYTES = 32


class Enclave(Uncopyable):
    """Layers that run on sealed IRs. The results leave sealed, or unencrypted if the enclave ``releases`` them."""

    def __init__(
        self, layers: nn.Sequential, *, takes: torch.Size, gives: torch.Size, releases: bool, device: SimulatedDevice
    ) -> None:
        """Load a copy of the layers and measure it.

        Args:
            layers: Layers that run inside.
            takes: Shape of one IR.
            gives: Shape of one result.
            releases: Whether the results leave unencrypted.
            device: Device that signs the quotes of the enclave.
        """
        self._layers = copy.deepcopy(layers).eval().requires_grad_(False)
        self._where = next((weight.device for weight in layers.parameters()), torch.device("cpu"))
        self._takes = takes
        self._releases = releases
        self._lengths = payload_lengths(takes, gives)
        self._measurement = measure_program(self._layers, takes=takes, gives=gives, releases=releases)
        self._device = device
        self._session: ChannelEnd | None = None

    def attest(self, nonce: bytes, peer: bytes) -> Quote:
        """Begin a session with a client and end the previous one.

        Args:
            nonce: Nonce that the client has drawn for this request.
            peer: X25519 key of the client for this session.
        """
        private = X25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        info = transcript(self._measurement, client=peer, enclave=public)
        self._session = agree(private, peer, salt=nonce, info=info, lengths=self._lengths, client=False)
        return self._device.quote(measurement=self._measurement, nonce=nonce, public=public)

    def run(self, messages: Sequence[bytes]) -> list[bytes]:
        """Open N sealed IRs and return N results, sealed or, if the enclave releases them, unencrypted.

        Raises:
            ChannelError: If there is no session, or a message is not the next one of the client.
        """
        if self._session is None:
            raise ChannelError("The enclave has no session. Begin one with attest.")
        irs = from_float_bytes([self._session.incoming.open(message) for message in messages], self._takes)
        with torch.no_grad():
            results: Tensor = self._layers(irs.to(self._where)).cpu()
        payloads = [float_bytes(result) for result in results]
        return payloads if self._releases else [self._session.outgoing.seal(payload) for payload in payloads]


class Attester(Protocol):
    """What a client needs of the other side, which may be dishonest."""

    def attest(self, nonce: bytes, peer: bytes) -> Quote:
        """Answer a request with a quote."""
        ...


def connect(enclave: Attester, *, device: bytes, measurement: bytes, lengths: Lengths) -> ChannelEnd:
    """Begin a session as the client, after checking that the enclave is the expected one.

    Args:
        enclave: The other side.
        device: Public key of the device that the client trusts.
        measurement: Measurement of the program that the client expects.
        lengths: Longest payloads of that program.

    Raises:
        ChannelError: If the quote or the key of the enclave is wrong.
    """
    private, nonce = X25519PrivateKey.generate(), os.urandom(NONCE_BYTES)
    public = private.public_key().public_bytes_raw()
    quote = enclave.attest(nonce, public)
    verify(quote, device=device, measurement=measurement, nonce=nonce)
    info = transcript(measurement, client=public, enclave=quote.public)
    return agree(private, quote.public, salt=nonce, info=info, lengths=lengths, client=True)


def measure_program(layers: nn.Sequential, *, takes: torch.Size, gives: torch.Size, releases: bool) -> bytes:
    """Return the measurement that a client expects of an enclave with these layers."""
    border = "released in the clear" if releases else "sealed"
    return measure(layers, interface=f"takes {tuple(takes)} sealed, gives {tuple(gives)} {border}")


def payload_lengths(takes: torch.Size, gives: torch.Size) -> Lengths:
    """Return the bytes of one IR and of one result."""
    return Lengths(4 * takes.numel(), 4 * gives.numel())


def transcript(measurement: bytes, *, client: bytes, enclave: bytes) -> bytes:
    """Return the values on which both ends must agree to derive the same keys. Each part has 32 bytes."""
    return b"mia-bench simulated enclave session 1" + measurement + client + enclave
