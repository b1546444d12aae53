"""Attestation: a processor signs what runs in its enclave.

The processor is simulated. Its key is generated in this process, while that of a real processor is built into the
hardware and certified by the manufacturer.

Source: Costan & Devadas 2016, "Intel SGX explained", sections 3.3 and 5.8; RFC 8032 (Ed25519).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

import torch
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from torch import Tensor, nn

from .._uncopyable import Uncopyable
from .channel_errors import WrongMeasurement, WrongNonce, WrongSignature


@dataclass(frozen=True)
class Quote:
    """The proof that an enclave gives to a client.

    Attributes:
        measurement: Hash of what runs in the enclave, 32 bytes.
        nonce: Nonce of the client, which prevents replayed quotes.
        public: X25519 key of the enclave for this session.
        signature: Signature of the device over the other three.
    """

    measurement: bytes
    nonce: bytes
    public: bytes
    signature: bytes


class SimulatedDevice(Uncopyable):
    """A simulated processor with an attestation key.

    Attributes:
        public: Ed25519 key by which clients identify the device.
    """

    def __init__(self) -> None:
        """Create a device with a fresh key."""
        self._key = Ed25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes_raw()

    def quote(self, *, measurement: bytes, nonce: bytes, public: bytes) -> Quote:
        """Sign the measurement of the device, together with the nonce of the client and the key of the enclave."""
        return Quote(measurement, nonce, public, self._key.sign(_signed(measurement, nonce, public)))


def verify(quote: Quote, *, device: bytes, measurement: bytes, nonce: bytes) -> None:
    """Check a quote on behalf of a client.

    Args:
        quote: The quote of the enclave.
        device: Public key of the device that the client trusts.
        measurement: Measurement of the layers that the client expects.
        nonce: The nonce that the client has sent.

    Raises:
        ChannelError: ``WrongSignature``, ``WrongMeasurement`` or ``WrongNonce``.
    """
    try:
        signed = _signed(quote.measurement, quote.nonce, quote.public)
        Ed25519PublicKey.from_public_bytes(device).verify(quote.signature, signed)
    except InvalidSignature:
        raise WrongSignature(
            "Expected a quote signed by the trusted device, got another signature. Send nothing to this enclave."
        ) from None
    if quote.measurement != measurement:
        raise WrongMeasurement(
            f"Expected an enclave with the measurement {measurement.hex()[:16]}..., got "
            f"{quote.measurement.hex()[:16]}..., so it runs other layers. Send nothing to this enclave."
        )
    if quote.nonce != nonce:
        raise WrongNonce(
            "Expected a quote with the nonce that was sent, got another nonce, so it answers another request. Ask for "
            "a new quote."
        )


def measure(layers: nn.Sequential, *, interface: str) -> bytes:
    """Return the SHA-256 hash of the structure and weights of layers and of the interface of the enclave.

    The structure consists of the classes and their printed parameters. The code of ``forward`` is not hashed.
    """
    classes = [f"{name}: {type(part).__module__}.{type(part).__qualname__}" for name, part in layers.named_modules()]
    parts = [interface.encode(), repr(layers).encode(), "\n".join(classes).encode()]
    weights = {**dict(layers.named_parameters()), **dict(layers.named_buffers())}
    for name, weight in sorted(weights.items()):
        parts += [f"{name} {weight.dtype} {tuple(weight.shape)}".encode(), _raw(weight)]
    return hashlib.sha256(_framed(*parts)).digest()


def _signed(measurement: bytes, nonce: bytes, public: bytes) -> bytes:
    return _framed(b"mia-bench simulated enclave quote 1", measurement, nonce, public)


def _raw(weight: Tensor) -> bytes:
    return weight.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes()


def _framed(*parts: bytes) -> bytes:
    """Join parts unambiguously: other parts give other bytes."""
    return b"".join(struct.pack(">Q", len(part)) + part for part in parts)
