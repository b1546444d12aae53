"""Quantities with units, as they are written on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import UsageError

_NUMBER = r"(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)"


@dataclass(frozen=True)
class Unit:
    """A unit with the ways to write it.

    Attributes:
        pattern: What follows the number: a prefix and the unit.
        factors: What each prefix stands for.
        examples: How quantities are written.

    Example:
        >>> TIME.examples
        '100ms or 0.1s'
    """

    pattern: str
    factors: dict[str, float]
    examples: str


RATE = Unit(  # m is mega, as usual for rates; bytes need a time, since 5MB is a size
    r"([kKmMgG]?)(?:[bB]it(?:/s)?|bps|b/s|(B/s|Bps))",
    {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9},
    "50Mbit, 1.5Mbit/s or 6MB/s",
)
"""Bits per second."""
TIME = Unit("([uµμm]?)s", {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6}, "100ms or 0.1s")
"""Seconds."""
ENERGY = Unit("([uµμm]?)J", {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6}, "50mJ or 0.05J")
"""Joules."""
BITS = 8
LEAST_RATE = 1
"""Bits per second below which no network is modelled."""
LONGEST_TRIP = 86_400
"""Seconds of a round trip above which none is."""


def parse_quantity(text: str, unit: Unit, option: str, *, zero: bool = False) -> float:
    """Return a quantity in its unit without a prefix: bits per second, seconds or joules.

    Args:
        text: A number and a unit, as ``50Mbit``.
        unit: What is measured.
        option: The option that was given, for the message.
        zero: Whether 0 is allowed.

    Raises:
        UsageError: If the text is not such a quantity, is not above 0, or no network has such a rate or time.

    Example:
        >>> parse_quantity("20ms", TIME, "--rtt")
        0.02
        >>> parse_quantity("6MB/s", RATE, "--uplink")
        48000000.0
    """
    found = re.fullmatch(rf"{_NUMBER}\s*{unit.pattern}", text.strip())
    value = float("nan")
    if found:
        value = float(found[1]) * unit.factors[found[2].lower()]
        value *= BITS if unit is RATE and found[3] else 1
    if not (0 < value < float("inf") or (zero and value == 0)):
        kind = "a number of at least 0" if zero else "a number above 0"
        raise UsageError(
            f"Expected {option} to be {kind} with its unit, such as {unit.examples}, got {text!r}. "
            "Write it in this form."
        )
    if unit is RATE and value < LEAST_RATE:
        raise UsageError(f"Expected {option} to be at least {LEAST_RATE}bit/s, got {text!r}. Give a higher rate.")
    if option == "--rtt" and value > LONGEST_TRIP:
        raise UsageError(f"Expected {option} to be at most {LONGEST_TRIP}s, got {text!r}. Give a shorter time.")
    return value
