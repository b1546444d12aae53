"""An encrypted, ordered channel between two ends: X25519, HKDF-SHA-256, AES-256-GCM.

A message is ``key id (4) || count (8) || AES-256-GCM(length (4) || payload || zeros) || tag (16)``. Its first twelve
bytes are the nonce, built as in SP 800-38D, section 8.2.1: a fixed field for each key, and a counter.

Source: RFC 7748 (X25519); RFC 5869 (HKDF); NIST SP 800-38D (GCM).
"""

from __future__ import annotations

import os
import struct
import threading
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .._uncopyable import Uncopyable
from .channel_errors import Reordered, Replayed, Tampered, WrongKey, WrongLength

KEY_ID_BYTES, KEY_BYTES, TAG_BYTES = 4, 32, 16
HEADER_BYTES = KEY_ID_BYTES + 8
"""Bytes of a message that are not encrypted."""
LENGTH_BYTES = 4
PADDING_BYTES = 256
"""Payloads are padded to a multiple of this many bytes."""


class Lengths(NamedTuple):
    """Bytes of the longest payload to the enclave (``up``) and to the client (``down``)."""

    up: int
    down: int


class Sealer(Uncopyable):
    """Encrypts payloads under one key, each with the next nonce, into messages of equal length."""

    def __init__(self, key: bytes, key_id: bytes, longest: int) -> None:
        """Set a key that no other object seals with, its public identifier, and the bytes of the longest payload."""
        self._cipher = AESGCM(key)
        self._key_id = key_id
        self._longest = longest
        self._count = 0
        self._lock = threading.Lock()
        self._process = os.getpid()

    def seal(self, payload: bytes) -> bytes:
        """Encrypt one payload.

        Raises:
            ValueError: If the payload is too long.
            RuntimeError: In a forked process, which would repeat the nonces of its parent.
        """
        if len(payload) > self._longest:
            raise ValueError(f"Expected a payload of at most {self._longest} bytes, got {len(payload)}.")
        with self._lock:
            if os.getpid() != self._process:  # The parent continues from the same count.
                raise RuntimeError("A forked process cannot seal for its parent, since both would use the same nonces.")
            self._count += 1
            nonce = self._key_id + struct.pack(">Q", self._count)
        plain = struct.pack(">I", len(payload)) + payload
        return nonce + self._cipher.encrypt(nonce, plain.ljust(_padded(self._longest), b"\0"), nonce)


class Opener(Uncopyable):
    """Decrypts the messages of one sealer, each once and in order. Numbers may be skipped."""

    def __init__(self, key: bytes, key_id: bytes, longest: int) -> None:
        """Set the key, its identifier and the longest payload of the sealer."""
        self._cipher = AESGCM(key)
        self._key_id = key_id
        self._length = HEADER_BYTES + _padded(longest) + TAG_BYTES
        self._last = 0
        self._skipped: list[range] = []
        self._lock = threading.Lock()

    def open(self, message: bytes) -> bytes:
        """Decrypt one message.

        Raises:
            ChannelError: ``WrongLength``, ``WrongKey``, ``Tampered``, ``Replayed`` or ``Reordered``.
        """
        if len(message) != self._length:
            raise WrongLength(f"Expected a message of {self._length} bytes in this session, got {len(message)}.")
        nonce, body = message[:HEADER_BYTES], message[HEADER_BYTES:]
        if nonce[:KEY_ID_BYTES] != self._key_id:
            raise WrongKey(f"Expected a message under key {self._key_id.hex()}, got {nonce[:KEY_ID_BYTES].hex()}.")
        try:
            plain = self._cipher.decrypt(nonce, body, nonce)
        except InvalidTag:
            raise Tampered("The message is not authentic: it differs from what the other end has sealed.") from None
        with self._lock:
            self._accept(*struct.unpack(">Q", nonce[KEY_ID_BYTES:]))
        return plain[LENGTH_BYTES : LENGTH_BYTES + struct.unpack(">I", plain[:LENGTH_BYTES])[0]]

    def _accept(self, count: int) -> None:
        if count <= self._last:
            if any(count in gap for gap in self._skipped):
                raise Reordered(f"Message {count} arrived after message {self._last}.")
            raise Replayed(f"Message {count} was accepted before.")
        if count > self._last + 1:
            self._skipped.append(range(self._last + 1, count))
        self._last = count


class ChannelEnd(NamedTuple):
    """One end of the channel."""

    outgoing: Sealer
    incoming: Opener


def agree(
    private: X25519PrivateKey, peer: bytes, *, salt: bytes, info: bytes, lengths: Lengths, client: bool
) -> ChannelEnd:
    """Derive one end of a channel from its private key and the public key of the peer.

    Args:
        private: Private key of this end, used for this session only.
        peer: Public key of the other end, 32 bytes.
        salt: A public value that is fresh for this session.
        info: Values on which both ends must agree.
        lengths: Longest payloads.
        client: Whether this end is the client. The other end is the enclave.

    Raises:
        WrongKey: If the key of the peer is not a valid public key.
    """
    try:
        secret = private.exchange(X25519PublicKey.from_public_bytes(peer))
    except ValueError:  # Too short, or a point of low order: RFC 7748, section 6.1.
        raise WrongKey("The public key of the other end is not a valid X25519 key.") from None
    derived = HKDF(algorithm=SHA256(), length=2 * (KEY_BYTES + KEY_ID_BYTES), salt=salt, info=info).derive(secret)
    up, down = derived[: KEY_BYTES + KEY_ID_BYTES], derived[KEY_BYTES + KEY_ID_BYTES :]
    outgoing, incoming = (up, down) if client else (down, up)
    longest = lengths if client else Lengths(lengths.down, lengths.up)
    return ChannelEnd(
        Sealer(outgoing[:KEY_BYTES], outgoing[KEY_BYTES:], longest.up),
        Opener(incoming[:KEY_BYTES], incoming[KEY_BYTES:], longest.down),
    )


def _padded(longest: int) -> int:
    return -(-(LENGTH_BYTES + longest) // PADDING_BYTES) * PADDING_BYTES
