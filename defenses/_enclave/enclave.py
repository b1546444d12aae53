"""A simulated enclave: layers that only its own methods run, behind an attested channel.

Nothing isolates it from the process it is in: it shows what crosses its border, in which form, and at what price.

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

from .._uncopyable import Unique
from .attestation import Quote, SimulatedDevice, measure, verify
from .channel_errors import Refused
from .float_bytes import float_bytes, from_float_bytes
from .sealed_channel import Lengths, Session, agree

NONCE = 32


class Enclave(Unique):
    """Runs its layers on sealed IRs; the results leave sealed, or in the clear if it ``releases`` them."""

    def __init__(
        self, layers: nn.Sequential, *, takes: torch.Size, gives: torch.Size, releases: bool, device: SimulatedDevice
    ) -> None:
        """Load a copy of the layers and measure it.

        Args:
            layers: what is to run inside.
            takes: shape of one IR that goes in.
            gives: shape of one result.
            releases: whether the results leave in the clear.
            device: vouches for the enclave.
        """
        self._layers = copy.deepcopy(layers).eval().requires_grad_(False)
        self._where = next((weight.device for weight in layers.parameters()), torch.device("cpu"))
        self._takes = takes
        self._releases = releases
        self._lengths = payload_lengths(takes, gives)
        self._measurement = measure_program(self._layers, takes=takes, gives=gives, releases=releases)
        self._device = device
        self._session: Session | None = None

    def attest(self, nonce: bytes, peer: bytes) -> Quote:
        """Begin a session with a client, which ends the one before.

        Args:
            nonce: drawn by the client for this request.
            peer: the client's X25519 key for this session.
        """
        private = X25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        info = transcript(self._measurement, client=peer, enclave=public)
        self._session = agree(private, peer, salt=nonce, info=info, lengths=self._lengths, client=False)
        return self._device.quote(measurement=self._measurement, nonce=nonce, public=public)

    def run(self, messages: Sequence[bytes]) -> list[bytes]:
        """Open N sealed IRs and give N results: sealed ones, or clear ones if the enclave releases them.

        Raises:
            Refused: if there is no session, or a message is not the client's next one.
        """
        if self._session is None:
            raise Refused("the enclave has no session; a client begins one with attest")
        irs = from_float_bytes([self._session.incoming.open(message) for message in messages], self._takes)
        with torch.no_grad():
            results: Tensor = self._layers(irs.to(self._where)).cpu()
        payloads = [float_bytes(result) for result in results]
        return payloads if self._releases else [self._session.outgoing.seal(payload) for payload in payloads]


class Attester(Protocol):
    """What a client needs of the other side, which may lie."""

    def attest(self, nonce: bytes, peer: bytes) -> Quote:
        """Answer a request with a quote."""
        ...


def connect(enclave: Attester, *, device: bytes, measurement: bytes, lengths: Lengths) -> Session:
    """Begin a session as the client, if the enclave is the expected one.

    Args:
        enclave: the other side.
        device: the public key of the device that the client trusts.
        measurement: that of the program the client expects.
        lengths: the longest payloads of that program.

    Raises:
        Refused: if the quote or the enclave's key is wrong.
    """
    private, nonce = X25519PrivateKey.generate(), os.urandom(NONCE)
    public = private.public_key().public_bytes_raw()
    quote = enclave.attest(nonce, public)
    verify(quote, device=device, measurement=measurement, nonce=nonce)
    info = transcript(measurement, client=public, enclave=quote.public)
    return agree(private, quote.public, salt=nonce, info=info, lengths=lengths, client=True)


def measure_program(layers: nn.Sequential, *, takes: torch.Size, gives: torch.Size, releases: bool) -> bytes:
    """The measurement of an enclave with these layers, as its client expects it."""
    border = "released in the clear" if releases else "sealed"
    return measure(layers, interface=f"takes {tuple(takes)} sealed, gives {tuple(gives)} {border}")


def payload_lengths(takes: torch.Size, gives: torch.Size) -> Lengths:
    """Bytes of one IR and of one result."""
    return Lengths(4 * takes.numel(), 4 * gives.numel())


def transcript(measurement: bytes, *, client: bytes, enclave: bytes) -> bytes:
    """What both ends must have seen alike, each part of 32 bytes, to derive the same keys."""
    return b"mia-bench simulated enclave session 1" + measurement + client + enclave
