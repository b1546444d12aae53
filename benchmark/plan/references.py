"""The reference attack, the reference defense and the protocol of every plan. This module imports no torch."""

from __future__ import annotations

PROTOCOL = 2
"""Version of the evaluation protocol. It is raised whenever scores stop being comparable."""

REFERENCE_ATTACK = "mean_image"
"""The attack that ignores the wire: the score of a leak of zero."""

REFERENCE_DEFENSE = "undefended"
"""The defense that changes nothing: the accuracy and the leak to which all others are compared."""
