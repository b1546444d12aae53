"""Numbers in the ring of integers modulo 2^64, their shares, and exact products with matrices.

Source: additive sharing of fixed-point numbers, Mohassel & Zhang, IEEE S&P 2017, "SecureML", section 4.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.uint64]
"""Integers modulo 2^64."""
Float = NDArray[np.float64]

WORD_BITS = 64
EXACT_BITS = 53
"""Integers of up to so many bits are exact in float64."""
LARGEST = 2**63 - 1
"""The largest signed number of the ring."""


class PrecisionError(ValueError):
    """Raised if a number does not fit into the ring, so that a result could be wrong."""


def encode(values: Float, bits: int, *, limit: int = LARGEST) -> Ring:
    """Round values to multiples of 2^-``bits`` and return the multiples.

    Args:
        values: Finite numbers of any shape.
        bits: Fractional bits.
        limit: The largest multiple for which what follows stays inside the ring.

    Raises:
        PrecisionError: If a value is not finite, or larger.

    Example:
        >>> encode(np.array([0.5, -0.5]), 1).tolist()
        [1, 18446744073709551615]
    """
    scaled = np.rint(np.asarray(values, dtype=np.float64) * 2.0**bits)
    largest = float(np.abs(scaled).max(initial=0))
    if not largest <= min(limit, LARGEST - 1024):  # The next numbers in float64 are 1024 apart.
        raise PrecisionError(
            f"Expected numbers of at most {limit / 2.0**bits:.4g} with {bits} fractional bits, got "
            f"{largest / 2.0**bits:.4g}. Lower fraction_bits."
        )
    return scaled.astype(np.int64).view(np.uint64)


def decode(numbers: Ring, bits: int) -> Float:
    """Return the values whose multiples of 2^-``bits`` these are, in [-2^(63 - bits), 2^(63 - bits))."""
    return numbers.view(np.int64) / 2.0**bits


def share(numbers: Ring) -> tuple[Ring, Ring]:
    """Split numbers into two shares whose sum they are. Each share alone is uniform and independent of the numbers.

    The random numbers come from the operating system and are never used again.

    Example:
        >>> first, second = share(np.arange(3, dtype=np.uint64))
        >>> (first + second).tolist()
        [0, 1, 2]
    """
    first = np.frombuffer(os.urandom(8 * numbers.size), dtype=np.uint64).reshape(numbers.shape)
    return first, numbers - first


def multiply(numbers: Ring, weights: NDArray[np.int64]) -> Ring:
    """Return the exact product of numbers (N, K) and a matrix of weights (M, K), modulo 2^64, (N, M).

    The numbers are divided into parts of so few bits that sums of products are exact in float64, which is the fastest
    arithmetic for matrices.

    Raises:
        PrecisionError: If the weights are too large for this.
    """
    bits = part_bits(weights)
    matrix = weights.T.astype(np.float64)
    result = np.zeros((len(numbers), len(weights)), dtype=np.uint64)
    for shift in range(0, WORD_BITS, bits):
        part = (numbers >> np.uint64(shift)) & np.uint64(2**bits - 1)
        result += (part.astype(np.float64) @ matrix).astype(np.int64).view(np.uint64) << np.uint64(shift)
    return result


def part_bits(weights: NDArray[np.int64]) -> int:
    """Return how many bits of a number can be multiplied at a time by a matrix of weights (M, K).

    Raises:
        PrecisionError: If none.
    """
    bits = EXACT_BITS - int(row_sum(weights)).bit_length()
    if bits < 1:
        raise PrecisionError("Expected weights whose sums have at most 52 bits, got larger ones. Lower fraction_bits.")
    return min(bits, 32)


def row_sum(weights: NDArray[np.int64]) -> int:
    """Return the largest sum of magnitudes over a row of weights (M, K): how much a product may enlarge numbers."""
    sums = np.abs(weights.astype(np.float64)).sum(1)
    return int(np.ceil(sums.max(initial=0) * (1 + 1e-9)))  # Rounded up, since a sum in float64 is not exact.
