"""Exact samples of integer noise: a Gaussian or Laplacian variable, rounded to the nearest integer.

Its standard deviation is 256. An integer plus this noise is a rounded Gaussian or Laplacian mechanism. Rounding is
post-processing, so every promise of the continuous mechanism holds for the integer that is sent, in any dimension and
for any number of releases. The noise does not depend on the value to which it is added, so the sum has no low bits that
could reveal the value.

A uniform word of 64 bits gives the sign and 63 bits of a uniform number. A table of the distribution function,
truncated to 63 bits, gives the magnitude unless the two agree in all 63 bits. Then more bits are drawn, and the
function is evaluated to as many, until they differ. So no event is rounded away, however rare it is.

Source: why floating-point noise breaks its promise: Mironov, CCS 2012, "On significance of the least significant bits
for differential privacy". Exact integer noise: Canonne, Kamath, Steinke, NeurIPS 2020, "The discrete Gaussian for
differential privacy". Their discrete Gaussian obeys the analytic formula only approximately, unlike the rounded one.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import mpmath
import numpy as np
import torch
from torch import Tensor

Noise = Literal["gaussian", "laplacian"]
Randomness = Literal["seeded", "secure"]

STEPS_PER_SIGMA = 256
"""Standard deviation of the noise, in steps of the grid."""
WORD_BITS = 63
"""Bits of a uniform number that are compared with the table."""
GUIDE_BITS = 16
"""Leading bits of a uniform number that mostly decide its magnitude alone."""
MORE_BITS = 128
"""Further bits that are drawn in the rare case that 63 do not decide."""


def sample(shape: torch.Size, *, noise: Noise, randomness: Randomness, device: torch.device) -> Tensor:
    """Draw integer noise, as float64.

    Args:
        shape: Shape of the result.
        noise: Distribution that is rounded. Its standard deviation is ``STEPS_PER_SIGMA``.
        randomness: ``secure`` draws from the operating system, ``seeded`` from the generator of torch.
        device: Device of the result.

    Example:
        >>> sample(torch.Size([2, 3]), noise="gaussian", randomness="secure", device=torch.device("cpu")).shape
        torch.Size([2, 3])
    """
    count = shape.numel()
    draw = secrets.randbits if randomness == "secure" else _seeded_bits
    words = _words(count, randomness, device)
    magnitude = magnitudes((words >> 1) & (2**WORD_BITS - 1), noise, WORD_BITS, draw)
    return torch.where(words & 1 == 1, -magnitude, magnitude).double().view(shape)


def magnitudes(uniform: Tensor, noise: Noise, bits: int, draw: Callable[[int], int]) -> Tensor:
    """Map uniform integers of ``bits`` bits, (N,), to magnitudes of the noise, (N,).

    Args:
        uniform: Independent and uniform in [0, 2^bits).
        noise: Distribution that is rounded.
        bits: Number of bits, at least ``GUIDE_BITS`` - 4.
        draw: Returns that many fresh random bits, for numbers that are not decided.
    """
    thresholds, guide = (table.to(uniform.device) for table in _tables(noise, bits))
    found = guide[uniform >> max(0, bits - GUIDE_BITS)]
    (open_,) = (found < 0).nonzero(as_tuple=True)
    rest = uniform[open_]
    place = torch.searchsorted(thresholds, rest, right=True)  # The first k whose threshold is above the number.
    found[open_] = place
    below = thresholds[(place - 1).clamp(min=0)]
    undecided = ((place > 0) & (below == rest)) | (place == len(thresholds))
    for position in open_[undecided].tolist():
        found[position] = _refine(int(uniform[position]), noise, bits, draw)
    return found


def _refine(prefix: int, noise: Noise, bits: int, draw: Callable[[int], int]) -> int:
    """Return the magnitude of a uniform number that begins with ``prefix``, with as many further bits as it takes."""
    while True:
        prefix, bits = (prefix << MORE_BITS) | draw(MORE_BITS), bits + MORE_BITS
        low, high = 0, 1
        while _threshold(high, noise, bits) <= prefix and high < 2**20:
            low, high = high, 2 * high
        while low < high:  # The first k whose threshold is above the number.
            middle = (low + high) // 2
            low, high = (low, middle) if _threshold(middle, noise, bits) > prefix else (middle + 1, high)
        if low == 0 or _threshold(low - 1, noise, bits) != prefix:
            return low


def _threshold(magnitude: int, noise: Noise, bits: int) -> int:
    """Return floor(2^bits P(|X| <= magnitude)) for the rounded X."""
    with mpmath.workprec(bits + 32):
        if noise == "gaussian":
            tail = mpmath.erfc((2 * magnitude + 1) / (2 * STEPS_PER_SIGMA * mpmath.sqrt(2)))
        else:
            tail = mpmath.exp(-(2 * magnitude + 1) * mpmath.sqrt(2) / (2 * STEPS_PER_SIGMA))
        return int(mpmath.floor(mpmath.ldexp(1 - tail, bits)))


@lru_cache
def _tables(noise: Noise, bits: int) -> tuple[Tensor, Tensor]:
    """Return the thresholds (K,), and for each value of the leading bits the magnitude, or -1 if it is not decided."""
    thresholds: list[int] = []
    while not thresholds or thresholds[-1] < 2**bits - 1:
        thresholds.append(_threshold(len(thresholds), noise, bits))
    table = torch.tensor(thresholds)
    shift = max(0, bits - GUIDE_BITS)
    starts = torch.arange(1 << min(bits, GUIDE_BITS)) << shift
    first = torch.searchsorted(table, starts, right=True)
    last = torch.searchsorted(table, starts + ((1 << shift) - 1), right=True)
    touched = (first > 0) & (table[(first - 1).clamp(min=0)] == starts)  # The first number of the range is undecided.
    decided = (first == last) & ~touched & (last < len(table))
    return table, torch.where(decided, first, -1)


def _words(count: int, randomness: Randomness, device: torch.device) -> Tensor:
    """Return uniform words of 64 bits, (count,)."""
    if randomness == "secure":
        return torch.from_numpy(np.frombuffer(bytearray(os.urandom(8 * count)), dtype=np.int64)).to(device)
    halves = torch.empty(2, count, dtype=torch.int64, device=device).random_(0, 1 << 32)
    return (halves[0] << 32) | halves[1]


def _seeded_bits(bits: int) -> int:
    """Return random bits from the generator of torch."""
    return int("".join(map(str, torch.randint(2, (bits,)).tolist())), 2)
