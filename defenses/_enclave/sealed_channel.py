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

from .._uncopyable import Unique
from .channel_errors import Reordered, Replayed, Tampered, WrongKey, WrongLength

KEY_ID, KEY, TAG = 4, 32, 16
HEADER = KEY_ID + 8
"""Bytes of a message that are not encrypted."""
PREFIX = 4
BLOCK = 256
"""Payloads are padded to a multiple of this many bytes."""


class Lengths(NamedTuple):
    """Bytes of the longest payload in each direction."""

    up: int
    down: int


class Sealer(Unique):
    """Encrypts payloads under one key, each with the next nonce, to messages of one length."""

    def __init__(self, key: bytes, key_id: bytes, longest: int) -> None:
        """Take a key that nobody else seals with, its public name, and the bytes of the longest payload."""
        self._cipher = AESGCM(key)
        self._key_id = key_id
        self._longest = longest
        self._count = 0
        self._lock = threading.Lock()
        self._process = os.getpid()

    def seal(self, payload: bytes) -> bytes:
        """Encrypt one payload."""
        if len(payload) > self._longest:
            raise ValueError(f"the payload has {len(payload)} bytes; this channel carries at most {self._longest}")
        with self._lock:
            if os.getpid() != self._process:  # the parent goes on from the same count
                raise RuntimeError("a forked process cannot seal for its parent, since both would use the same nonces")
            self._count += 1
            nonce = self._key_id + struct.pack(">Q", self._count)
        plain = struct.pack(">I", len(payload)) + payload
        return nonce + self._cipher.encrypt(nonce, plain.ljust(_padded(self._longest), b"\0"), nonce)


class Opener(Unique):
    """Decrypts the messages of one sealer, each once and in order; numbers may be skipped."""

    def __init__(self, key: bytes, key_id: bytes, longest: int) -> None:
        """Take what the sealer has."""
        self._cipher = AESGCM(key)
        self._key_id = key_id
        self._length = HEADER + _padded(longest) + TAG
        self._last = 0
        self._skipped: list[range] = []
        self._lock = threading.Lock()

    def open(self, message: bytes) -> bytes:
        """Decrypt one message.

        Raises:
            Refused: ``WrongLength``, ``WrongKey``, ``Tampered``, ``Replayed`` or ``Reordered``.
        """
        if len(message) != self._length:
            raise WrongLength(f"the message has {len(message)} bytes; in this session every one has {self._length}")
        nonce, body = message[:HEADER], message[HEADER:]
        if nonce[:KEY_ID] != self._key_id:
            raise WrongKey(f"the message is under key {nonce[:KEY_ID].hex()}; expected {self._key_id.hex()}")
        try:
            plain = self._cipher.decrypt(nonce, body, nonce)
        except InvalidTag:
            raise Tampered("the message is not authentic: it is not what the other end has sealed") from None
        with self._lock:
            self._accept(*struct.unpack(">Q", nonce[KEY_ID:]))
        return plain[PREFIX : PREFIX + struct.unpack(">I", plain[:PREFIX])[0]]

    def _accept(self, count: int) -> None:
        if count <= self._last:
            if any(count in gap for gap in self._skipped):
                raise Reordered(f"message {count} arrived after message {self._last}")
            raise Replayed(f"message {count} was accepted before")
        if count > self._last + 1:
            self._skipped.append(range(self._last + 1, count))
        self._last = count


class Session(NamedTuple):
    """One end of the channel."""

    outgoing: Sealer
    incoming: Opener


def agree(
    private: X25519PrivateKey, peer: bytes, *, salt: bytes, info: bytes, lengths: Lengths, client: bool
) -> Session:
    """Derive one end of a channel from one's own private key and the peer's public key.

    Args:
        private: used for this session only.
        peer: the other end's public key, 32 bytes.
        salt: a public value that is fresh for this session.
        info: all that both ends must agree on.
        lengths: the longest payloads.
        client: whether this end is the client; the other is the enclave.

    Raises:
        WrongKey: if the peer's key is no public key.
    """
    try:
        secret = private.exchange(X25519PublicKey.from_public_bytes(peer))
    except ValueError:  # too short, or a point of low order: RFC 7748, section 6.1
        raise WrongKey("the other end's public key is not a valid X25519 key") from None
    derived = HKDF(algorithm=SHA256(), length=2 * (KEY + KEY_ID), salt=salt, info=info).derive(secret)
    up, down = derived[: KEY + KEY_ID], derived[KEY + KEY_ID :]
    outgoing, incoming = (up, down) if client else (down, up)
    longest = lengths if client else Lengths(lengths.down, lengths.up)
    return Session(
        Sealer(outgoing[:KEY], outgoing[KEY:], longest.up), Opener(incoming[:KEY], incoming[KEY:], longest.down)
    )


def _padded(longest: int) -> int:
    return -(-(PREFIX + longest) // BLOCK) * BLOCK
