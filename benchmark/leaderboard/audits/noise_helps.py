"""An attack does better on a stronger setting of a defense."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...plan.references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from ...registry.declared import declared
from ..flags import Finding, FlagKind
from ..records import Row
from ..row_labels import defense_label
from ..scored_rows import ScoredRows, psnr
from .comparisons import MARGIN_DB, without


def noise_helps(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks that score higher on a stronger setting of the same defense, or on one than on the undefended wire.

    The undefended wire counts as the weakest setting of each defense that declares what makes it stronger.
    """
    stronger_with = {name: declared("defenses", name).stronger_with for name in {row.defense for row in board.rows}}
    settings = {(row.defense, row.defense_params) for row in board.rows}
    strengths = {(name, params): _strength(params, stronger_with[name]) for name, params in settings}

    def strength(row: Row) -> tuple[float, str]:
        return strengths[row.defense, row.defense_params]

    for rows in board.groups("defense_params", rest=lambda row: strength(row)[1]):
        attacks = sorted((row for row in rows if row.attack != REFERENCE_ATTACK), key=strength)
        if pair := _largest_rise(board, attacks, [*map(strength, attacks)]):
            row, other = pair
            yield Finding.of(row, _less_than_on(row, other), other)
    ordered = {REFERENCE_DEFENSE, *(name for name, declares in stronger_with.items() if declares)}
    for rows in board.groups("defense", "defense_params"):
        yield from _below_defended(board, [row for row in rows if row.defense in ordered])


def _largest_rise(board: ScoredRows, rows: Sequence[Row], strengths: Sequence[Any]) -> tuple[Row, Row] | None:
    """Return the weaker and the stronger row whose PSNR surely rises most, of rows in the order of their strength."""
    scores, rise, found = np.array([*map(psnr, rows)]), MARGIN_DB, None
    for position, row in enumerate(rows):
        after = bisect_right(strengths, strengths[position])
        larger = np.flatnonzero(scores[after:] - scores[position] > rise).tolist()
        surely = board.exceeding([rows[after + each] for each in larger], row, MARGIN_DB)
        if surely:
            found = row, max(surely, key=psnr)
            rise = psnr(found[1]) - psnr(row)
    return found


def _below_defended(board: ScoredRows, rows: Sequence[Row]) -> Iterator[Finding]:
    """Find the undefended row of an attack if one of its defended rows is better, and name the best of these."""
    plain = next((row for row in rows if row.defense == REFERENCE_DEFENSE and row.attack != REFERENCE_ATTACK), None)
    if plain is None:
        return
    better = [row for row in rows if row is not plain and board.exceeds(row, plain, MARGIN_DB)]
    if better:
        other = max(better, key=psnr)
        yield Finding.of(plain, _less_than_on(plain, other), other)


def _less_than_on(row: Row, other: Row) -> str:
    return f"scores {psnr(row):.2f} dB, and {psnr(other):.2f} dB on the stronger {defense_label(other)}"


def _strength(defense_params: str, stronger_with: Mapping[str, int]) -> tuple[float, str]:
    """Return how strong a defense is by its first declared parameter, and all other parameters."""
    params = json.loads(defense_params)
    for name, sign in stronger_with.items():
        value = params.get(name)
        if isinstance(value, int | float):
            return sign * value, f"{name} {without(defense_params, name)}"
    return 0.0, defense_params


KIND = FlagKind(
    identifier="noise-helps",
    meaning="An attack scores higher on a stronger setting of a defense than on a weaker one or none.",
    causes=(
        "The attack is too weak on the weaker setting: masked gradients, too few steps, or too strong a prior.",
        "The parameter does not make the defense stronger on these data.",
    ),
    remedy="Raise the attack's iterations. Do not read the trend over this parameter as protection.",
    find=noise_helps,
)
