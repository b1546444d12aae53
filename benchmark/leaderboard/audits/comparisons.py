"""Rows that audits compare with each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations

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
        for row, other in permutations(rows, 2):
            if other.attack == attack != row.attack:
                yield row, other


def without(params: str, name: str) -> str:
    """Return parameters, as JSON, without one of them."""
    return json.dumps({key: value for key, value in json.loads(params).items() if key != name}, sort_keys=True)


def tells_no_images_apart(board: ScoredRows, row: Row, above: float) -> bool:
    """Return whether an attack scores nearly as well when compared with other private images."""
    wrong = board.details(row).get("psnr_db_wrong_image")
    return wrong is not None and psnr(row) - wrong < above / 2
