"""CKKS parameters that follow from the depth of a program, at 128-bit security."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tenseal.sealapi as seal

from ...benchmark.errors import Inapplicable, UsageError

MOST_BITS = {4096: 109, 8192: 218, 16384: 438}
"""Bits of all primes together that a ring allows at 128-bit security.

Source: Homomorphic Encryption Standard 2018, Table 1 (ternary secret), which SEAL enforces. Ring 32768 is left out:
each of its rotation keys has 112 MB.
"""
FEWEST_SCALE_BITS, MOST_SCALE_BITS = 26, 40
"""Below 26 bits, seven levels of LeNet-5 had logit errors of 0.5 to 2; beyond 40 nothing was gained (measured)."""
HEADROOM_BITS = 5
"""Bits of the last prime beyond the scale, at least: the room for the sign and the size of an output."""
MOST_PRIME_BITS = 60


@dataclass(frozen=True)
class Parameters:
    """Ring degree, bits of the primes, and the scale of encoded numbers.

    Attributes:
        ring: degree of the polynomial ring; half of it is the number of slots.
        moduli: bits of the primes; the first holds the result, the last serves key switching only.
        scale_bits: binary logarithm of the scale.
    """

    ring: int
    moduli: tuple[int, ...]
    scale_bits: int

    @property
    def slots(self) -> int:
        """Numbers in one ciphertext."""
        return self.ring // 2

    @property
    def levels(self) -> int:
        """Multiplications that can follow one another."""
        return len(self.moduli) - 2

    @property
    def headroom(self) -> float:
        """The largest result that can be decrypted."""
        return 2.0 ** (self.moduli[0] - self.scale_bits - 1)

    @property
    def text(self) -> str:
        """Ring, primes and scale in words."""
        return f"ring {self.ring}, primes {'+'.join(map(str, self.moduli))}, scale 2^{self.scale_bits}"

    def context(self) -> Any:
        """Have SEAL check the parameters and precompute what they need: a ``SEALContext``.

        Raises:
            UsageError: if they are not valid, or less than 128-bit secure.
        """
        given = seal.EncryptionParameters(seal.SCHEME_TYPE.CKKS)
        try:
            given.set_poly_modulus_degree(self.ring)
            given.set_coeff_modulus(seal.CoeffModulus.Create(self.ring, list(self.moduli)))
            context = seal.SEALContext(given, True, seal.SEC_LEVEL_TYPE.TC128)
        except (RuntimeError, ValueError) as error:
            raise UsageError(f"SEAL refuses the CKKS parameters {self.text}: {error}") from error
        if not context.parameters_set():
            raise UsageError(
                f"the CKKS parameters {self.text} are not 128-bit secure or not valid "
                f"({context.parameters_error_message()}); ring {self.ring} allows {MOST_BITS.get(self.ring, 0)} bits"
            )
        return context


def choose(
    *,
    levels: int,
    width: int,
    ring: int | None = None,
    moduli: tuple[int, ...] | None = None,
    scale_bits: int | None = None,
) -> Parameters:
    """The smallest parameters for a program, or the given ones, checked.

    Args:
        levels: multiplications that follow one another.
        width: numbers that must fit into the slots.
        ring: the degree, if given.
        moduli: bits of the primes, if given.
        scale_bits: bits of the scale, if given.

    Raises:
        Inapplicable: if no ring allows so many levels or numbers.
        UsageError: if what is given does not suffice.
    """
    if ring is not None and width > ring // 2:
        raise UsageError(f"ring is {ring}, with {ring // 2} slots, but this split needs {width}; choose a larger ring")
    candidates = [ring] if ring is not None else [degree for degree in MOST_BITS if degree // 2 >= width]
    if moduli is not None:
        return _given(candidates, moduli, scale_bits, levels)
    for degree in candidates:
        found = _fit(degree, levels, scale_bits)
        if found is not None:
            return found
    largest = max(MOST_BITS)
    if ring is not None or scale_bits is not None:
        asked = ", ".join(
            f"{name} is {value}" for name, value in (("ring", ring), ("scale_bits", scale_bits)) if value is not None
        )
        raise UsageError(f"{asked}, which leaves no room for the {levels} levels that this split needs; leave it out")
    deepest = max(level for level in range(1, 99) if _fit(largest, level, None))
    raise Inapplicable(
        f"this split needs {levels} levels and {width} slots; ring {largest} has {deepest} levels and {largest // 2} "
        "slots; split later, or choose mode=interactive"
    )


def _fit(ring: int, levels: int, scale_bits: int | None) -> Parameters | None:
    """The primes for a ring and a depth: ``levels`` of the scale's size between two larger ones."""
    room = MOST_BITS[ring]
    most = (room - 2 * HEADROOM_BITS) // (levels + 2)
    scale = min(most, MOST_SCALE_BITS) if scale_bits is None else scale_bits
    if not FEWEST_SCALE_BITS <= scale <= most:
        return None
    ends = min(MOST_PRIME_BITS, (room - levels * scale) // 2)
    return Parameters(ring, (ends, *[scale] * levels, ends), scale)


def _given(candidates: list[int], moduli: tuple[int, ...], scale_bits: int | None, levels: int) -> Parameters:
    text = "+".join(map(str, moduli))
    if len(moduli) - 2 < levels:
        raise UsageError(
            f"moduli is {text}: {len(moduli)} primes allow {max(0, len(moduli) - 2)} levels; "
            f"this split needs {levels}, so {levels + 2} primes"
        )
    fits = [ring for ring in candidates if ring in MOST_BITS and sum(moduli) <= MOST_BITS[ring]]
    if not fits:
        rooms = ", ".join(f"{bits} in ring {ring}" for ring, bits in MOST_BITS.items())
        raise UsageError(f"moduli is {text}, {sum(moduli)} bits; allowed at 128-bit security: {rooms}")
    scale = moduli[1] if scale_bits is None else scale_bits
    if moduli[0] < scale + 2:
        raise UsageError(f"the first prime has {moduli[0]} bits; a scale of 2^{scale} needs at least {scale + 2}")
    return Parameters(fits[0], moduli, scale)
