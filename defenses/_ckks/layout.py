"""The layout of a program in the slots of ciphertexts, and its predicted cost.

Slot = feature * lanes + image. A vector of width w (a power of two) is repeated over all slots, so that a rotation by
w * lanes changes nothing. A matrix is multiplied diagonal by diagonal, with baby steps and giant steps.

Source: Halevi & Shoup, CRYPTO 2014, "Algorithms in HElib" (diagonals); CRYPTO 2018, "Faster homomorphic linear
transformations in HElib" (baby steps, giant steps); Juvekar et al., USENIX Security 2018, "Gazelle" (hybrid
diagonals of a flat matrix).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .parameters import Parameters
from .program import Layer

ROTATE_NS, MULTIPLY_NS, ENCODE_NS = 1.7, 8.0, 26.0
"""Nanoseconds per unit of work on one core of a Xeon. The proportions are fitted to SEAL 4.3 in rings 4096 to 32768;
all are multiplied by 1.3, which is closer to the time on a machine with other work.

The unit is primes * (primes + 1) * ring * log2(ring) for rotations, primes * ring for the others.
"""
MAX_CACHE_BYTES = 2**31
"""Encoded diagonals of at most this size are kept for the next ciphertext."""


def width_of(numbers: int) -> int:
    """Return the smallest power of two that is at least ``numbers``."""
    return 1 << max(0, numbers - 1).bit_length()


@dataclass(frozen=True)
class MatrixLayout:
    """The diagonals of one matrix.

    Attributes:
        inputs: Width of the input vector.
        outputs: Width of the output vector.
    """

    inputs: int
    outputs: int

    @property
    def diagonals(self) -> int:
        """Most diagonals. A flat matrix has short ones, whose products are folded afterwards."""
        return min(self.inputs, self.outputs)

    @property
    def babies(self) -> int:
        """Number of baby steps: rotations of the input by 0, 1, 2 ..."""
        return 1 << (self.diagonals.bit_length() // 2)

    @property
    def giants(self) -> int:
        """Number of giant steps: groups of diagonals, each rotated by the number of baby steps."""
        return self.diagonals // self.babies

    @property
    def folds(self) -> list[int]:
        """Rotations, in features, that sum the blocks of a flat matrix."""
        blocks = self.inputs // self.outputs
        return [self.outputs << power for power in range(blocks.bit_length() - 1)] if blocks > 1 else []

    @property
    def rotations(self) -> int:
        """Number of rotations of ciphertexts."""
        return self.babies - 1 + self.giants - 1 + len(self.folds)

    @property
    def steps(self) -> set[int]:
        """Distinct rotations, in features."""
        chained = {1} if self.babies > 1 else set()
        return chained | ({self.babies} if self.giants > 1 else set()) | set(self.folds)


@dataclass(frozen=True)
class PackingLayout:
    """The layout of a program.

    Attributes:
        parameters: Ring, primes and scale.
        sizes: Input size of each layer, and output size of the last one.
        matrices: Whether each layer has a matrix.
        squares: Whether each layer squares.
        lanes: Images in one ciphertext.
    """

    parameters: Parameters
    sizes: tuple[int, ...]
    matrices: tuple[bool, ...]
    squares: tuple[bool, ...]
    lanes: int

    @classmethod
    def of(cls, layers: Sequence[Layer], parameters: Parameters, lanes: int | None = None) -> PackingLayout:
        """Return the layout of layers, with ``lanes`` images in a ciphertext, or as many as fit."""
        sizes = (*[layer.inputs for layer in layers], layers[-1].outputs)
        most = parameters.slots // max(map(width_of, sizes))
        return cls(
            parameters,
            sizes,
            tuple(layer.matrix is not None for layer in layers),
            tuple(layer.squared for layer in layers),
            most if lanes is None else lanes,
        )

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Widths of the vectors in the slots. With fewer lanes than fit, vectors are repeated more often."""
        return tuple(width_of(size) for size in self.sizes)

    @cached_property
    def layers(self) -> tuple[MatrixLayout | None, ...]:
        """The diagonals of each layer that has a matrix."""
        return tuple(
            MatrixLayout(self.widths[index], self.widths[index + 1]) if has_matrix else None
            for index, has_matrix in enumerate(self.matrices)
        )

    @property
    def steps(self) -> list[int]:
        """Distinct rotations, in slots. Each needs a key."""
        features = set().union(*(layer.steps for layer in self.layers if layer is not None))
        return sorted(step * self.lanes for step in features)

    @property
    def seconds(self) -> float:
        """Predicted seconds for one ciphertext after the first."""
        return self._work()[0] + (0.0 if self.cached else self._work()[1])

    @property
    def first_seconds(self) -> float:
        """Predicted seconds for the first ciphertext, which include the encoding of the diagonals."""
        return sum(self._work())

    @property
    def cached(self) -> bool:
        """Whether the encoded diagonals are kept in memory."""
        return self.encoded_bytes <= MAX_CACHE_BYTES

    @property
    def encoded_bytes(self) -> int:
        """Bytes of all encoded diagonals."""
        return sum(
            layer.diagonals * primes * self.parameters.ring * 8
            for layer, _, primes in self._levels()
            if layer is not None
        )

    def _levels(self) -> list[tuple[MatrixLayout | None, bool, int]]:
        """Return each layer with the number of primes that its input has left."""
        primes, found = self.parameters.levels + 1, []
        for layer, squared in zip(self.layers, self.squares, strict=True):
            found.append((layer, squared, primes))
            primes -= (layer is not None) + squared
        return found

    def _work(self) -> tuple[float, float]:
        """Return the seconds of computation and of encoding."""
        ring, compute, encode = self.parameters.ring, 0.0, 0.0
        for layer, squared, primes in self._levels():
            if layer is not None:
                compute += layer.rotations * _switch_ns(ring, primes) + layer.diagonals * MULTIPLY_NS * primes * ring
                encode += layer.diagonals * ENCODE_NS * primes * ring
                primes -= 1
            if squared:
                compute += 1.3 * _switch_ns(ring, primes)
        return compute / 1e9, encode / 1e9


def _switch_ns(ring: int, primes: int) -> float:
    return ROTATE_NS * primes * (primes + 1) * ring * math.log2(ring)


def coefficient_bytes(bits: int) -> float:
    """Return the bytes of a compressed number modulo a prime (measured: 4.7 for 29 bits, 6.1 for 40)."""
    return min(8.0, bits / 8 + 1.1)


def ciphertext_bytes(parameters: Parameters) -> int:
    """Return the predicted bytes of a fresh seeded ciphertext."""
    return round(parameters.ring * sum(map(coefficient_bytes, parameters.moduli[:-1])))


def key_bytes(parameters: Parameters, keys: int) -> int:
    """Return the predicted bytes of ``keys`` seeded rotation or relinearization keys."""
    one = (len(parameters.moduli) - 1) * parameters.ring * sum(map(coefficient_bytes, parameters.moduli))
    return round(keys * one)
