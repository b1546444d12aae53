"""Which cells a line of a ranking lacks: every attack of its place at every one of its seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from .store import Row

Place = tuple[str, str, str, int]
"""Dataset, model, split and number of private images: what is compared with each other."""
Component = tuple[str, str]
"""Name and parameters, as canonical JSON, of a defense or an attack."""
MEASURED = ("psnr_db", "ssim", "recognisable")
"""What a finished cell has measured of its reconstructions."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A cell that a line lacks.

    Attributes:
        why: ``missing``, or the status of its row and the reason.
        attainable: whether a run may fill the gap; not where the attack does not apply to the defense.
    """

    place: Place
    defense: Component
    attack: Component
    seed: int
    why: str = "missing"
    attainable: bool = True


def is_scored(row: Row) -> bool:
    """Whether a row is done and holds its scores; one without scores measured nothing, whatever its status."""
    return row.status == "done" and all(is_number(getattr(row, name)) for name in MEASURED)


def is_number(value: float | None) -> bool:
    """Whether a value is there and finite."""
    return value is not None and math.isfinite(value)


def place_of(row: Row) -> Place:
    """The place of a row."""
    return row.dataset, row.model, row.split, row.n_images


def defense_of(row: Row) -> Component:
    """The defense of a row."""
    return row.defense, row.defense_params


def attack_of(row: Row) -> Component:
    """The attack of a row."""
    return row.attack, row.attack_params


def by_line(rows: Iterable[Row]) -> dict[Place, dict[Component, list[Row]]]:
    """Group rows by place, and there by defense."""
    places: dict[Place, dict[Component, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        places[place_of(row)][defense_of(row)].append(row)
    return places


def each_once(rows: Iterable[Row]) -> list[Row]:
    """Each cell once; where one board has its scores and another does not, the scores."""
    found: dict[tuple[Place, Component, Component, int], Row] = {}
    for row in rows:
        key = place_of(row), defense_of(row), attack_of(row), row.seed
        other = found.setdefault(key, row)
        if other.cell_id != row.cell_id:
            raise UsageError(
                f"cells {other.cell_id} and {row.cell_id} are both {row.attack} on {row.defense}, but of different "
                "data or versions; rank them apart, or delete the record of one and run again"
            )
        if is_scored(row) and not is_scored(other):
            found[key] = row
        elif is_scored(row) and is_scored(other) and row.psnr_db != other.psnr_db:
            raise UsageError(
                f"cell {row.cell_id} is there twice, with {other.psnr_db:g} dB and with {row.psnr_db:g} dB; delete the "
                "row that was not measured"
            )
    return list(found.values())


def wanted_attacks(rows: Iterable[Row]) -> set[Component]:
    """The attacks of one place: those that apply to at least one of its lines."""
    return {attack_of(row) for row in rows if row.status != "inapplicable"}


def find_gaps(rows: Iterable[Row]) -> list[Gap]:
    """The cells that lines lack, by place, defense, attack and seed.

    A line must hold a score of each attack of its place at each seed of its own: a seed at which only some of the
    attacks ran says nothing about the others.

    Args:
        rows: of one or several leaderboards.
    """
    gaps: list[Gap] = []
    for place, lines in by_line(rows).items():
        wanted = wanted_attacks(row for cells in lines.values() for row in cells)
        for defense, cells in lines.items():
            gaps += _of_line(place, defense, cells, wanted)
    return sorted(gaps, key=lambda gap: (gap.place, gap.defense, gap.attack, gap.seed))


def _of_line(place: Place, defense: Component, cells: Sequence[Row], wanted: set[Component]) -> list[Gap]:
    there = {(attack_of(row), row.seed): row for row in sorted(cells, key=is_scored)}  # a scored row wins
    found = []
    for attack in wanted:
        for seed in {row.seed for row in cells}:
            row = there.get((attack, seed))
            if row is None or not is_scored(row):
                why, attainable = _reason(row), row is None or row.status != "inapplicable"
                gap = Gap(place=place, defense=defense, attack=attack, seed=seed, why=why, attainable=attainable)
                found.append(gap)
    return found


def _reason(row: Row | None) -> str:
    if row is None:
        return "missing"
    if row.status == "done":
        return "done, but without scores"
    return f"{row.status}: {row.reason}"
