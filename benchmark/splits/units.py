"""Quantities with units, as they are written on the command line."""

from __future__ import annotations

import re

from ..errors import UsageError

PREFIXES = {"u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
EXAMPLES = {"bit": "50Mbit", "s": "100ms", "J": "50mJ"}
_NUMBER = r"(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)"


def parse_quantity(text: str, unit: str, option: str) -> float:
    """Return a quantity in its unit without a prefix.

    Args:
        text: A number, an SI prefix and the unit, as ``50Mbit``. A rate may end in ``/s``.
        unit: ``bit`` (a rate, in bit/s), ``s`` or ``J``.
        option: The option that was given, for the message.

    Raises:
        UsageError: If the text is not such a quantity, or is not above 0.

    Example:
        >>> parse_quantity("20ms", "s", "--rtt")
        0.02
    """
    rate = "(?:/s|ps)?" if unit == "bit" else ""
    found = re.fullmatch(rf"{_NUMBER}\s*([umkMG]?){unit}{rate}", text.strip())
    value = float(found[1]) * PREFIXES[found[2]] if found else 0.0
    if not 0 < value < float("inf"):
        raise UsageError(
            f"Expected {option} to be a positive number with the unit {unit}, got {text!r}. "
            f"Write it as in {EXAMPLES[unit]}."
        )
    return value
