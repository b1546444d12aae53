"""Conversion of ciphertexts into numbers by an eavesdropper."""

from __future__ import annotations

import numpy as np
import tenseal.sealapi as seal
import torch
from torch import Tensor

from .parameters import Parameters
from .serial import from_bytes


class Residues:
    """Reads the coefficients of both polynomials modulo the first prime as numbers in [0, 1), (N, 2 * ring).

    The message is smaller than the first prime, so decryption needs no other residues. The second polynomial, which is
    sent as a seed, is expanded first. Only public parameters are used.
    """

    def __init__(self, parameters: Parameters) -> None:
        """Prepare reading of ciphertexts under these parameters."""
        self._ring = parameters.ring
        self._context = parameters.context()
        self._evaluator = seal.Evaluator(self._context)
        self._prime = self._context.first_context_data().parms().coeff_modulus()[0].value()

    def __deepcopy__(self, memo: dict) -> Residues:
        """Return the same object, which never changes."""
        return self

    def __call__(self, messages: tuple[bytes, ...]) -> Tensor:
        """Read N messages into numbers (N, 2 * ring)."""
        return torch.stack([self._read(message) for message in messages])

    def _read(self, message: bytes) -> Tensor:
        ciphertext = from_bytes(seal.Ciphertext, self._context, message)
        self._evaluator.transform_from_ntt_inplace(ciphertext)
        numbers = ciphertext.dyn_array()  # A view into the ciphertext, which must not be freed.
        second = numbers.size() // 2
        places = (*range(self._ring), *range(second, second + self._ring))
        residues = np.fromiter(map(numbers.at, places), np.float64, 2 * self._ring)
        return torch.from_numpy((residues / self._prime).astype(np.float32))
