"""CKKS parameters at 128-bit security, chosen from the depth of a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import tenseal.sealapi as seal

from ...benchmark.errors import Inapplicable, UsageError

Standard = Literal["2018", "2024"]

MAX_MODULUS_BITS = {4096: 109, 8192: 218, 16384: 438}
"""Most bits of all primes together at 128-bit security, for each ring.

Source: Homomorphic Encryption Standard 2018, Table 1 (ternary secret), which SEAL enforces. Ring 32768 is left out,
since each of its rotation keys has 112 MB.
"""
STANDARDS: dict[Standard, dict[int, int]] = {"2018": MAX_MODULUS_BITS, "2024": {4096: 106, 8192: 214, 16384: 430}}
"""The same by each table of sizes for 128-bit security against classical computers, with ternary secrets.

Source of 2024: Bossuat et al., "Security guidelines for implementing homomorphic encryption", IACR Communications in
Cryptology 2025 (ePrint 2024/463), Table 5.2, which takes newer attacks on lattices into account.
"""
MIN_SCALE_BITS, MAX_SCALE_BITS = 26, 40
"""Range of the scale. Measured: below 26 bits, seven levels of LeNet-5 had logit errors of 0.5 to 2; above 40 bits,
nothing improved."""
MIN_HEADROOM_BITS = 5
"""Least bits of the last prime above the scale, for the sign and the size of an output."""
MAX_PRIME_BITS = 60


@dataclass(frozen=True)
class Parameters:
    """Ring degree, bits of the primes, and the scale of encoded numbers.

    Attributes:
        ring: Degree of the polynomial ring, twice the number of slots.
        moduli: Bits of the primes. The first holds the result, the last is for key switching only.
        scale_bits: Binary logarithm of the scale.
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
        """Number of successive multiplications that are possible."""
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
        """Check the parameters and return the ``SEALContext`` that is precomputed from them.

        Raises:
            UsageError: If the parameters are invalid, or less than 128-bit secure.
        """
        given = seal.EncryptionParameters(seal.SCHEME_TYPE.CKKS)
        try:
            given.set_poly_modulus_degree(self.ring)
            given.set_coeff_modulus(seal.CoeffModulus.Create(self.ring, list(self.moduli)))
            context = seal.SEALContext(given, True, seal.SEC_LEVEL_TYPE.TC128)
        except (RuntimeError, ValueError) as error:
            raise UsageError(
                f"SEAL refuses the CKKS parameters {self.text}: {error}. Change moduli or ring."
            ) from error
        if not context.parameters_set():
            raise UsageError(
                f"The CKKS parameters {self.text} are not 128-bit secure or not valid "
                f"({context.parameters_error_message()}). Ring {self.ring} allows "
                f"{MAX_MODULUS_BITS.get(self.ring, 0)} bits."
            )
        return context


def choose_parameters(
    *,
    levels: int,
    width: int,
    ring: int | None = None,
    moduli: tuple[int, ...] | None = None,
    scale_bits: int | None = None,
    standard: Standard = "2018",
) -> Parameters:
    """Choose the smallest parameters for a program, or check the given ones.

    Args:
        levels: Number of successive multiplications.
        width: Numbers that must fit into the slots.
        ring: Degree of the ring, if given.
        moduli: Bits of the primes, if given.
        scale_bits: Bits of the scale, if given.
        standard: The table that says how many bits of primes are 128-bit secure.

    Raises:
        Inapplicable: If no ring allows so many levels or numbers.
        UsageError: If the given parameters are not sufficient.
    """
    table = STANDARDS[standard]
    if ring is not None and width > ring // 2:
        raise UsageError(
            f"Expected at least {width} slots for this split, got ring={ring} with {ring // 2} slots. Raise ring."
        )
    candidates = [ring] if ring is not None else [degree for degree in table if degree // 2 >= width]
    if moduli is not None:
        return _given(candidates, moduli, scale_bits, levels, table)
    for degree in candidates:
        found = _fit(degree, levels, scale_bits, table[degree])
        if found is not None:
            return found
    largest = max(table)
    if ring is not None or scale_bits is not None:
        asked = ", ".join(
            f"{name}={value}" for name, value in (("ring", ring), ("scale_bits", scale_bits)) if value is not None
        )
        raise UsageError(f"Expected room for the {levels} levels of this split, got {asked}. Leave it out.")
    deepest = max(level for level in range(1, 99) if _fit(largest, level, None, table[largest]))
    raise Inapplicable(
        f"Expected at most {deepest} levels and {largest // 2} slots, those of ring {largest}, got {levels} levels and "
        f"{width} slots at this split. Split later, or choose mode=interactive."
    )


def _fit(ring: int, levels: int, scale_bits: int | None, room: int) -> Parameters | None:
    """Choose primes of ``room`` bits for a ring and a depth: ``levels`` of the scale's size between two larger ones."""
    most = (room - 2 * MIN_HEADROOM_BITS) // (levels + 2)
    scale = min(most, MAX_SCALE_BITS) if scale_bits is None else scale_bits
    if not MIN_SCALE_BITS <= scale <= most:
        return None
    ends = min(MAX_PRIME_BITS, (room - levels * scale) // 2)
    return Parameters(ring, (ends, *[scale] * levels, ends), scale)


def _given(
    candidates: list[int], moduli: tuple[int, ...], scale_bits: int | None, levels: int, table: dict[int, int]
) -> Parameters:
    text = "+".join(map(str, moduli))
    if len(moduli) - 2 < levels:
        raise UsageError(
            f"Expected at least {levels + 2} primes in moduli for the {levels} levels of this split, got {text}, which "
            f"allows {max(0, len(moduli) - 2)} levels. Add primes."
        )
    fits = [ring for ring in candidates if sum(moduli) <= table.get(ring, 0)]
    if not fits:
        rooms = ", ".join(f"{bits} bits in ring {ring}" for ring, bits in table.items())
        raise UsageError(
            f"Expected moduli of at most {rooms} for 128-bit security, got {text}, {sum(moduli)} bits. Shorten them."
        )
    scale = moduli[1] if scale_bits is None else scale_bits
    if moduli[0] < scale + 2:
        raise UsageError(
            f"Expected at least {scale + 2} bits in the first prime for a scale of 2^{scale}, got {moduli[0]}. "
            "Lengthen it, or lower scale."
        )
    return Parameters(fits[0], moduli, scale)
