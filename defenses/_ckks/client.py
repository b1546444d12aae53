"""The client of encrypted inference: keys, encryption and decryption. The secret key never leaves the object."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tenseal.sealapi as seal

from .._uncopyable import Uncopyable
from .layout import width_of
from .parameters import Parameters
from .program import Array
from .serial import from_bytes, to_bytes

MAX_SPREAD = 0.05
"""Largest difference between the repetitions of one result, relative to the largest number that can be decrypted."""


class DecryptionError(ValueError):
    """Raised if a reply does not decrypt to one consistent result."""


class CkksClient(Uncopyable):
    """The holder of the secret key, which encrypts vectors and decrypts replies."""

    def __init__(self, parameters: Parameters) -> None:
        """Generate a fresh secret key."""
        self.parameters = parameters
        self._context = parameters.context()
        self._keys = seal.KeyGenerator(self._context)
        secret = self._keys.secret_key()
        self._encryptor = seal.Encryptor(self._context, secret)
        self._decryptor = seal.Decryptor(self._context, secret)
        self._encoder = seal.CKKSEncoder(self._context)

    def relinearization_keys(self) -> bytes:
        """Return the keys with which the server computes squares."""
        return to_bytes(self._keys.create_relin_keys())

    def rotation_keys(self, steps: Iterable[int]) -> bytes:
        """Return the keys with which the server rotates by these numbers of slots."""
        elements = [pow(3, step, 2 * self.parameters.ring) for step in steps]
        return to_bytes(self._keys.create_galois_keys(elements))

    def encrypt(self, values: Array, lanes: int) -> bytes:
        """Encrypt up to ``lanes`` vectors, (B, n), into one seeded ciphertext.

        Raises:
            ValueError: If a number is not finite.
        """
        if not np.isfinite(values).all():
            raise ValueError("Expected finite values in the IR, since CKKS cannot encode others.")
        count, numbers = values.shape
        grid = np.zeros((width_of(numbers), lanes))
        grid[:numbers, :count] = values.T
        slots = np.tile(grid.ravel(), self.parameters.slots // grid.size)
        plain = seal.Plaintext()
        self._encoder.encode(slots.tolist(), 2.0**self.parameters.scale_bits, plain)
        return to_bytes(self._encryptor.encrypt_symmetric(plain))

    def decrypt(self, reply: bytes, *, numbers: int, count: int, lanes: int) -> Array:
        """Decrypt a reply into ``count`` vectors of ``numbers`` numbers, (count, numbers).

        CKKS has no integrity check. A valid result is repeated over the slots and padded with zeros, which it is not
        with a wrong key or a damaged ciphertext.

        Args:
            reply: Ciphertext of the server.
            numbers: Length of each vector.
            count: Number of vectors.
            lanes: Number of vectors for which the ciphertext has room.

        Raises:
            DecryptionError: If the reply is damaged, or not encrypted under this key.
        """
        try:
            ciphertext = from_bytes(seal.Ciphertext, self._context, reply)
        except ValueError as error:
            raise DecryptionError(f"Cannot read the reply of the server. {error}") from error
        plain = seal.Plaintext()
        self._decryptor.decrypt(ciphertext, plain)
        width = width_of(numbers)
        slots = np.array(self._encoder.decode_double(plain)).reshape(-1, width, lanes)  # (repetitions, width, lanes)
        first = slots[0, :numbers]
        spread = np.abs(slots[:, :numbers] - first).max()
        padding = np.abs(slots[:, numbers:]).max(initial=0.0)
        if not max(spread, padding) <= MAX_SPREAD * self.parameters.headroom:
            raise DecryptionError(
                "The reply of the server does not decrypt to one consistent result. It is damaged, or encrypted under "
                "another key."
            )
        return first[:, :count].T
