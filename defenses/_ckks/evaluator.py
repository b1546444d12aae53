"""The computation of the server: a program on ciphertexts, without a key that decrypts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import tenseal.sealapi as seal

from .layout import MatrixLayout, PackingLayout
from .parameters import Parameters
from .program import Array, Layer
from .serial import from_bytes, to_bytes

Ciphertext: TypeAlias = Any  # SEAL's classes have no type annotations.
Plaintext: TypeAlias = Any


class Evaluator:
    """A program that runs on ciphertexts."""

    def __init__(
        self,
        layers: Sequence[Layer],
        parameters: Parameters,
        *,
        lanes: int,
        relinearization: bytes,
        rotations: bytes,
    ) -> None:
        """Load the program and the evaluation keys.

        Args:
            layers: Layers of the program.
            parameters: CKKS parameters of the keys and the ciphertexts.
            lanes: Images in one ciphertext.
            relinearization: Keys for squares, or empty if there are no squares.
            rotations: Keys for the rotations of the layout, or empty if there are no rotations.
        """
        self._layers = layers
        self._plan = PackingLayout.of(layers, parameters, lanes)
        self._parameters = parameters
        self._context = parameters.context()
        self._encoder = seal.CKKSEncoder(self._context)
        self._evaluator = seal.Evaluator(self._context)
        self._relinearization = from_bytes(seal.RelinKeys, self._context, relinearization) if relinearization else None
        self._rotations = from_bytes(seal.GaloisKeys, self._context, rotations) if rotations else None
        self._encoded: dict[tuple[int, int], Plaintext | None] = {}

    def __call__(self, message: bytes) -> bytes:
        """Run the program on an encrypted vector.

        Raises:
            ValueError: If the message is not a ciphertext under the parameters, or has too few levels left.
        """
        value = from_bytes(seal.Ciphertext, self._context, message)
        left = value.coeff_modulus_size() - 1
        if left != self._parameters.levels:
            raise ValueError(
                f"Expected a fresh ciphertext with {self._parameters.levels} levels, got one with {left} levels left."
            )
        for index, layer in enumerate(self._layers):
            value = self._apply(index, layer, self._plan.layers[index], value)
        return to_bytes(value)

    def _apply(self, index: int, layer: Layer, layout: MatrixLayout | None, value: Ciphertext) -> Ciphertext:
        if layout is not None:
            value = self._multiply(index, layer, layout, value)
            self._evaluator.rescale_to_next_inplace(value)
        self._evaluator.add_plain_inplace(value, self._encode(self._tile(layer.bias), value, value.scale))
        if layer.squared:
            self._evaluator.square_inplace(value)
            self._evaluator.relinearize_inplace(value, self._relinearization)
            self._evaluator.rescale_to_next_inplace(value)
        return value

    def _multiply(self, index: int, layer: Layer, layout: MatrixLayout, value: Ciphertext) -> Ciphertext:
        """Multiply by the matrix, diagonal by diagonal: baby steps in sequence, giant steps by Horner's rule."""
        turned = [value]
        for _ in range(layout.babies - 1):
            turned.append(self._rotate(turned[-1], 1))
        total: Ciphertext | None = None
        for giant in reversed(range(layout.giants)):
            if total is not None:
                total = self._rotate(total, layout.babies)
            for baby, each in enumerate(turned):
                total = self._add_product(
                    total, each, self._diagonal(index, layer, layout, giant * layout.babies + baby, each)
                )
        if total is None:
            raise ValueError(f"Expected a nonzero matrix in layer {index + 1}, got zero.")
        for step in layout.folds:
            self._evaluator.add_inplace(total, self._rotate(total, step))
        return total

    def _add_product(
        self, total: Ciphertext | None, value: Ciphertext, diagonal: Plaintext | None
    ) -> Ciphertext | None:
        if diagonal is None:
            return total
        product = seal.Ciphertext()
        self._evaluator.multiply_plain(value, diagonal, product)
        if total is not None:
            self._evaluator.add_inplace(product, total)
        return product

    def _rotate(self, value: Ciphertext, features: int) -> Ciphertext:
        result = seal.Ciphertext()
        self._evaluator.rotate_vector(value, features * self._plan.lanes, self._rotations, result)
        return result

    def _diagonal(
        self, index: int, layer: Layer, layout: MatrixLayout, number: int, value: Ciphertext
    ) -> Plaintext | None:
        """Return the encoded diagonal, rotated back by its giant step, or None if it is zero, which SEAL refuses."""
        key = (index, number)
        if key in self._encoded:
            return self._encoded[key]
        assert layer.matrix is not None
        entries = diagonal(layer.matrix, layout, number)
        encoded = None
        if np.any(entries):
            back = number // layout.babies * layout.babies
            prime = self._prime(value.coeff_modulus_size() - 1)
            scale = 2.0**self._parameters.scale_bits * prime / value.scale  # Rescaling then gives exactly 2^scale_bits.
            encoded = self._encode(self._tile(np.roll(entries, back)), value, scale)
        if self._plan.cached:
            self._encoded[key] = encoded
        return encoded

    def _prime(self, index: int) -> int:
        return self._context.first_context_data().parms().coeff_modulus()[index].value()

    def _tile(self, vector: Array) -> list[float]:
        """Repeat a vector over the slots, each number for all lanes."""
        width = 1 << max(0, len(vector) - 1).bit_length()
        padded = np.zeros(width)
        padded[: len(vector)] = vector
        lanes = self._plan.lanes
        return np.tile(np.repeat(padded, lanes), self._parameters.slots // (width * lanes)).tolist()

    def _encode(self, slots: list[float], like: Ciphertext, scale: float) -> Plaintext:
        plain = seal.Plaintext()
        self._encoder.encode(slots, like.parms_id(), scale, plain)
        return plain


def diagonal(matrix: Array, layout: MatrixLayout, number: int) -> Array:
    """Return a diagonal: entry i is matrix[i mod outputs, (i + number) mod inputs], zero outside the matrix."""
    index = np.arange(max(layout.inputs, layout.outputs))
    rows, columns = index % layout.outputs, (index + number) % layout.inputs
    inside = (rows < matrix.shape[0]) & (columns < matrix.shape[1])
    entries = np.zeros(len(index))
    entries[inside] = matrix[rows[inside], columns[inside]]
    return entries
