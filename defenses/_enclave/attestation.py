"""Attestation: a device vouches for what runs in its enclave.

The device is simulated: its key is drawn in this process, where a processor's is fused in and certified by its maker.

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

from .._uncopyable import Unique
from .channel_errors import WrongMeasurement, WrongNonce, WrongSignature


@dataclass(frozen=True)
class Quote:
    """What an enclave shows to a client.

    Attributes:
        measurement: what runs in the enclave, 32 bytes.
        nonce: the client's, against replayed quotes.
        public: the enclave's X25519 key for this session.
        signature: by the device, over the three.
    """

    measurement: bytes
    nonce: bytes
    public: bytes
    signature: bytes


class SimulatedDevice(Unique):
    """Stands for a processor with an attestation key of its own.

    Attributes:
        public: the Ed25519 key by which clients know the device.
    """

    def __init__(self) -> None:
        """Make a device with a fresh key."""
        self._key = Ed25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes_raw()

    def quote(self, *, measurement: bytes, nonce: bytes, public: bytes) -> Quote:
        """Sign what the device has measured, together with the client's nonce and the enclave's key."""
        return Quote(measurement, nonce, public, self._key.sign(_signed(measurement, nonce, public)))


def verify(quote: Quote, *, device: bytes, measurement: bytes, nonce: bytes) -> None:
    """Check a quote as a client does.

    Args:
        quote: what came from the enclave.
        device: the public key of the device that the client trusts.
        measurement: that of the layers the client expects.
        nonce: the one it has just drawn.

    Raises:
        Refused: ``WrongSignature``, ``WrongMeasurement`` or ``WrongNonce``.
    """
    try:
        signed = _signed(quote.measurement, quote.nonce, quote.public)
        Ed25519PublicKey.from_public_bytes(device).verify(quote.signature, signed)
    except InvalidSignature:
        raise WrongSignature("the quote is not signed by the trusted device") from None
    if quote.measurement != measurement:
        raise WrongMeasurement(
            f"the enclave runs {quote.measurement.hex()[:16]}..., not the expected {measurement.hex()[:16]}..."
        )
    if quote.nonce != nonce:
        raise WrongNonce("the quote answers another request: its nonce is not the one that was sent")


def measure(layers: nn.Sequential, *, interface: str) -> bytes:
    """SHA-256 over structure and weights of layers, and over what the enclave takes in and gives out.

    Structure is the classes and their printed parameters; the code of a layer's ``forward`` is not hashed.
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
    """Join parts so that no other parts give the same bytes."""
    return b"".join(struct.pack(">Q", len(part)) + part for part in parts)
