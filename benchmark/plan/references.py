"""The reference attack, the reference defense and the protocol of every plan. This module imports no torch."""

from __future__ import annotations

KEY_COLUMNS = ("dataset", "model", "split", "defense", "defense_params", "attack", "attack_params", "seed", "n_images")
"""The columns of a leaderboard that say which cell a row is of."""

PROTOCOL = 2
"""Version of the evaluation protocol. It is raised whenever scores stop being comparable."""

REFERENCE_ATTACK = "mean_image"
"""The attack that ignores the wire: the score of a leak of zero."""

REFERENCE_DEFENSE = "undefended"
"""The defense that changes nothing: the accuracy and the leak to which all others are compared."""
