"""Labels of rows for people: a component with the parameters that are not defaults."""

from __future__ import annotations

import json

from ..registry.labels import label
from .records import Row


def defense_label(row: Row) -> str:
    """Return the label of the defense of a row."""
    return label("defenses", row.defense, json.loads(row.defense_params))


def attack_label(row: Row) -> str:
    """Return the label of the attack of a row."""
    return label("attacks", row.attack, json.loads(row.attack_params))


def cell_label(row: Row) -> str:
    """Return the labels of the attack and the defense of a row."""
    return f"{attack_label(row)} on {defense_label(row)}"
