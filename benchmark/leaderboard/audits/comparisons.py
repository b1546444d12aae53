"""Rows that audits compare with each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

from ...plan.references import REFERENCE_ATTACK
from ..records import Row
from ..scored_rows import ScoredRows, psnr

MARGIN_DB = 0.5
"""A difference between two attacks counts if its 95 % interval is beyond this; chosen above the 0.4 dB by which the
same attack with another seed differs in single images (measured with ridge on MNIST relu2)."""
NOTHING_DB = 0.3
"""Up to this much above the mean image an attack has learned nothing."""


def same_setting(board: ScoredRows, attack: str) -> Iterator[tuple[Row, Row]]:
    """Yield each row together with that of a named attack in the same setting."""
    for rows in board.groups("attack", "attack_params"):
        named = [row for row in rows if row.attack == attack]
        yield from product((row for row in rows if row.attack != attack), named)


def on_secret_wires(board: ScoredRows) -> set[str]:
    """Return the cells whose wires are promised to be secret, and where the scores of the attacks agree with that.

    They do if an attack is at the mean image and none is surely above it. Then an attack that is below, such as one
    that returns an image of the attacker, does not show a failed search.
    """
    found: set[str] = set()
    for rows in board.groups("attack", "attack_params"):
        means = [row for row in rows if row.attack == REFERENCE_ATTACK]
        others = [row for row in rows if row.attack != REFERENCE_ATTACK]
        if not means or not all(map(promises_secrecy, rows)):
            continue
        at_mean = any(abs(psnr(row) - psnr(means[0])) <= NOTHING_DB for row in others)
        if at_mean and not any(board.exceeds(row, means[0], NOTHING_DB) for row in others):
            found |= {row.cell_id for row in rows}
    return found


def promises_secrecy(row: Row) -> bool:
    """Return whether a row states a guarantee that is not differential privacy: its wires passed as random bytes."""
    return promises(row) and row.epsilon is None


def promises(row: Row) -> bool:
    """Return whether the defense of a row guarantees anything of its wires."""
    return row.guarantee is not None and not row.guarantee.startswith("none")


def without(params: str, name: str) -> str:
    """Return parameters, as JSON, without one of them."""
    return json.dumps({key: value for key, value in json.loads(params).items() if key != name}, sort_keys=True)


def tells_no_images_apart(board: ScoredRows, row: Row, above: float) -> bool:
    """Return whether an attack scores nearly as well when compared with other private images."""
    wrong = board.details(row).get("psnr_db_wrong_image")
    return wrong is not None and psnr(row) - wrong < above / 2
