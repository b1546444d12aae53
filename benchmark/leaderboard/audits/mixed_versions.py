"""Scores of different versions of an attack are compared."""

from __future__ import annotations

from collections.abc import Iterator

from ..flags import Finding, FlagKind
from ..row_labels import defense_label
from ..scored_rows import ScoredRows


def mixed_versions(board: ScoredRows) -> Iterator[Finding]:
    """Find cells of an older version of an attack than those of other defenses in the same scenario.

    Rows without a version, as boards had them before they named it, are left out.
    """
    for rows in board.groups("defense", "defense_params", "attack_params", "seed"):
        versions = {row.attack_version: row for row in rows if row.attack_version is not None}
        if len(versions) < 2:
            continue
        newest = max(versions)
        other = versions[newest]
        for row in rows:
            if row.attack_version is not None and row.attack_version < newest:
                found = f"is of version {row.attack_version} of the attack, and {defense_label(other)} of {newest}"
                yield Finding.of(row, found, other)


KIND = FlagKind(
    identifier="mixed-versions",
    meaning="A cell is of an older version of its attack than other cells of the same scenario.",
    causes=(
        "The package of the attack was updated between two runs.",
        "Results of several machines with different versions were merged.",
    ),
    remedy="Do not compare these scores. Repeat the run, which computes older cells again, or leave them out.",
    find=mixed_versions,
)
