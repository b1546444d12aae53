"""How a program is laid out in the slots of ciphertexts, and what it will cost.

Slot = feature * lanes + image. A vector of width w (a power of two) is repeated over all slots, so that a rotation by
w * lanes changes nothing. A matrix is applied by its diagonals, with baby steps and giant steps.

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
"""Nanoseconds per unit of work on one core of a Xeon: the proportions fitted to SEAL 4.3 in rings 4096 to 32768, all
of them raised by 1.3, which is nearer to what a machine with other work takes.

The unit is primes * (primes + 1) * ring * log2(ring) for rotations, primes * ring for the others.
"""
CACHE_BYTES = 2**31
"""Encoded diagonals are kept for the next ciphertext up to this size."""


def width_of(numbers: int) -> int:
    """The power of two that holds so many numbers."""
    return 1 << max(0, numbers - 1).bit_length()


@dataclass(frozen=True)
class MatrixPlan:
    """The diagonals of one matrix.

    Attributes:
        inputs: width of the vector it takes.
        outputs: width of the vector it gives.
    """

    inputs: int
    outputs: int

    @property
    def diagonals(self) -> int:
        """Diagonals at most; a flat matrix has short ones, whose products are then folded."""
        return min(self.inputs, self.outputs)

    @property
    def babies(self) -> int:
        """Rotations by 0, 1, 2 ... of the input."""
        return 1 << (self.diagonals.bit_length() // 2)

    @property
    def giants(self) -> int:
        """Groups of diagonals, each rotated by as much as there are babies."""
        return self.diagonals // self.babies

    @property
    def folds(self) -> list[int]:
        """Rotations, in features, that sum the blocks of a flat matrix."""
        blocks = self.inputs // self.outputs
        return [self.outputs << power for power in range(blocks.bit_length() - 1)] if blocks > 1 else []

    @property
    def rotations(self) -> int:
        """Rotations of ciphertexts."""
        return self.babies - 1 + self.giants - 1 + len(self.folds)

    @property
    def steps(self) -> set[int]:
        """Distinct rotations, in features."""
        chained = {1} if self.babies > 1 else set()
        return chained | ({self.babies} if self.giants > 1 else set()) | set(self.folds)


@dataclass(frozen=True)
class Plan:
    """The layout of a program.

    Attributes:
        parameters: ring, primes and scale.
        sizes: numbers each layer takes, and those the last one gives.
        matrices: whether each layer has a matrix.
        squares: whether each layer squares.
        lanes: images in one ciphertext.
    """

    parameters: Parameters
    sizes: tuple[int, ...]
    matrices: tuple[bool, ...]
    squares: tuple[bool, ...]
    lanes: int

    @classmethod
    def of(cls, layers: Sequence[Layer], parameters: Parameters, lanes: int | None = None) -> Plan:
        """Lay out layers, with as many images in a ciphertext as fit, or as given."""
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
        """Widths of the vectors in the slots; with fewer lanes than fit, vectors are repeated more often."""
        return tuple(width_of(size) for size in self.sizes)

    @cached_property
    def layers(self) -> tuple[MatrixPlan | None, ...]:
        """The diagonals of each layer that has a matrix."""
        return tuple(
            MatrixPlan(self.widths[index], self.widths[index + 1]) if has_matrix else None
            for index, has_matrix in enumerate(self.matrices)
        )

    @property
    def steps(self) -> list[int]:
        """Distinct rotations, in slots: each needs a key."""
        features = set().union(*(layer.steps for layer in self.layers if layer is not None))
        return sorted(step * self.lanes for step in features)

    @property
    def seconds(self) -> float:
        """Predicted time of one ciphertext, diagonals encoded before."""
        return self._work()[0] + (0.0 if self.cached else self._work()[1])

    @property
    def first_seconds(self) -> float:
        """Predicted time of the first ciphertext, which encodes the diagonals."""
        return sum(self._work())

    @property
    def cached(self) -> bool:
        """Whether the encoded diagonals are kept."""
        return self.encoded_bytes <= CACHE_BYTES

    @property
    def encoded_bytes(self) -> int:
        """Memory of all encoded diagonals."""
        return sum(
            layer.diagonals * primes * self.parameters.ring * 8
            for layer, _, primes in self._levels()
            if layer is not None
        )

    def _levels(self) -> list[tuple[MatrixPlan | None, bool, int]]:
        """Each layer with the number of primes that its input still has."""
        primes, found = self.parameters.levels + 1, []
        for layer, squared in zip(self.layers, self.squares, strict=True):
            found.append((layer, squared, primes))
            primes -= (layer is not None) + squared
        return found

    def _work(self) -> tuple[float, float]:
        """Seconds of computing, and of encoding."""
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
    """Bytes that a compressed number modulo a prime takes (measured: 4.7 for 29 bits, 6.1 for 40)."""
    return min(8.0, bits / 8 + 1.1)


def ciphertext_bytes(parameters: Parameters) -> int:
    """Predicted bytes of a seeded fresh ciphertext."""
    return round(parameters.ring * sum(map(coefficient_bytes, parameters.moduli[:-1])))


def key_bytes(parameters: Parameters, keys: int) -> int:
    """Predicted bytes of so many seeded rotation or relinearization keys."""
    one = (len(parameters.moduli) - 1) * parameters.ring * sum(map(coefficient_bytes, parameters.moduli))
    return round(keys * one)
