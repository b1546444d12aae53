"""The client's work: keys, encryption, decryption. The secret key lives in this object and goes nowhere."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tenseal.sealapi as seal

from .._uncopyable import Unique
from .parameters import Parameters
from .plan import width_of
from .program import Array
from .serial import from_bytes, to_bytes

TOLERANCE = 0.05
"""How far apart, in units of the largest number, the repetitions of one result may be."""


class Undecipherable(ValueError):
    """A reply does not decrypt to one consistent result."""


class Client(Unique):
    """Holds the secret key; encrypts vectors and decrypts replies."""

    def __init__(self, parameters: Parameters) -> None:
        """Make a fresh secret key."""
        self.parameters = parameters
        self._context = parameters.context()
        self._keys = seal.KeyGenerator(self._context)
        secret = self._keys.secret_key()
        self._encryptor = seal.Encryptor(self._context, secret)
        self._decryptor = seal.Decryptor(self._context, secret)
        self._encoder = seal.CKKSEncoder(self._context)

    def relinearization_keys(self) -> bytes:
        """Keys that let the server square."""
        return to_bytes(self._keys.create_relin_keys())

    def rotation_keys(self, steps: Iterable[int]) -> bytes:
        """Keys that let the server rotate by these numbers of slots."""
        elements = [pow(3, step, 2 * self.parameters.ring) for step in steps]
        return to_bytes(self._keys.create_galois_keys(elements))

    def encrypt(self, values: Array, lanes: int) -> bytes:
        """Encrypt up to ``lanes`` vectors, (B, n), into one ciphertext, seeded.

        Raises:
            ValueError: if a number is not finite.
        """
        if not np.isfinite(values).all():
            raise ValueError("the IR has values that are not finite, and CKKS cannot encode them")
        count, numbers = values.shape
        grid = np.zeros((width_of(numbers), lanes))
        grid[:numbers, :count] = values.T
        slots = np.tile(grid.ravel(), self.parameters.slots // grid.size)
        plain = seal.Plaintext()
        self._encoder.encode(slots.tolist(), 2.0**self.parameters.scale_bits, plain)
        return to_bytes(self._encryptor.encrypt_symmetric(plain))

    def decrypt(self, reply: bytes, *, numbers: int, count: int, lanes: int) -> Array:
        """Decrypt a reply to ``count`` vectors of ``numbers`` numbers, (count, numbers).

        CKKS has no integrity check. A result is repeated over the slots and padded with zeros; a wrong key or a
        damaged ciphertext breaks that.

        Raises:
            Undecipherable: if the reply is damaged, or not encrypted under this key.
        """
        try:
            ciphertext = from_bytes(seal.Ciphertext, self._context, reply)
        except ValueError as error:
            raise Undecipherable(f"the server's reply cannot be read: {error}") from error
        plain = seal.Plaintext()
        self._decryptor.decrypt(ciphertext, plain)
        width = width_of(numbers)
        slots = np.array(self._encoder.decode_double(plain)).reshape(-1, width, lanes)  # (repetitions, width, lanes)
        first = slots[0, :numbers]
        spread = np.abs(slots[:, :numbers] - first).max()
        padding = np.abs(slots[:, numbers:]).max(initial=0.0)
        if not max(spread, padding) <= TOLERANCE * self.parameters.headroom:
            raise Undecipherable(
                "the server's reply does not decrypt to one consistent result: it is damaged, or encrypted under "
                "another key"
            )
        return first[:, :count].T
