"""An attacker observes more than the promised epsilon covers."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ...utils.plurals import count_of
from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows, observations


def promise_exceeded(board: ScoredRows) -> Iterator[Finding]:
    """Find attackers that observe more releases of each image than the promised epsilon covers."""
    for row in board.rows:
        covered = json.loads(row.defense_params).get("releases")
        if row.epsilon is not None and isinstance(covered, int) and observations(row) > covered:
            wires = count_of(observations(row), "wire")
            found = f"observes {wires} of each image, and epsilon {row.epsilon:.4g} covers {covered}"
            yield Finding.of(row, found)


KIND = FlagKind(
    identifier="promise-exceeded",
    meaning="The attacker observes more wires of each image than the promised epsilon covers.",
    causes=("`observations` of the attack is larger than `releases` of the defense.",),
    remedy="Raise `releases` of the defense to the observed wires. The epsilon then grows accordingly.",
    find=promise_exceeded,
)
