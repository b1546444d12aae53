"""Find the cells that a row of a ranking lacks: every attack of its scenario at each seed of its scenario."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from ..errors import UsageError
from .records import Row

ScenarioKey = tuple[str, str, str, int]
"""Dataset, model, split and number of private images: defenses are compared within one scenario."""
Component = tuple[str, str]
"""Name and parameters, as canonical JSON, of a defense or an attack."""
MEASURED = ("psnr_db", "ssim", "recognisable")
"""Scores of the reconstructions, which each finished cell has."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A cell that a row of a ranking lacks.

    Attributes:
        scenario: The scenario of the row.
        defense: The defense of the row.
        attack: The attack that is lacking.
        seed: The seed at which it is lacking.
        why: ``missing``, or the status of the cell and its reason.
        attainable: Whether a run may fill the gap. It may not if the attack does not apply to the defense.

    Example:
        >>> Gap(scenario=("mnist", "lenet5", "relu2", 64), defense=("tee", "{}"), attack=("ridge", "{}"), seed=0).why
        'missing'
    """

    scenario: ScenarioKey
    defense: Component
    attack: Component
    seed: int
    why: str = "missing"
    attainable: bool = True


def is_scored(row: Row) -> bool:
    """Return whether a row is done and holds its scores. A row without scores has measured nothing."""
    return row.status == "done" and all(is_number(getattr(row, name)) for name in MEASURED)


def is_number(value: float | None) -> bool:
    """Return whether a value is known and finite."""
    return value is not None and math.isfinite(value)


def scenario_of(row: Row) -> ScenarioKey:
    """Return the scenario of a row."""
    return row.dataset, row.model, row.split, row.n_images


def defense_of(row: Row) -> Component:
    """Return the defense of a row."""
    return row.defense, row.defense_params


def attack_of(row: Row) -> Component:
    """Return the attack of a row."""
    return row.attack, row.attack_params


def by_defense(rows: Iterable[Row]) -> dict[ScenarioKey, dict[Component, list[Row]]]:
    """Group rows by scenario, and within it by defense."""
    scenarios: dict[ScenarioKey, dict[Component, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        scenarios[scenario_of(row)][defense_of(row)].append(row)
    return scenarios


def each_once(rows: Iterable[Row], boards: Mapping[str, str] | None = None) -> list[Row]:
    """Return each cell once: with its scores, if one board has them and another does not.

    Args:
        rows: Rows of one or several leaderboards.
        boards: The leaderboard or folder that each cell is from, by its identity; None if it is unknown.

    Raises:
        UsageError: If two rows are the same cell with other data, other versions or other scores.
    """
    found: dict[tuple[ScenarioKey, Component, Component, int], Row] = {}
    for row in rows:
        key = scenario_of(row), defense_of(row), attack_of(row), row.seed
        other = found.setdefault(key, row)
        if other.cell_id != row.cell_id:
            raise _two_versions(other, row, boards or {})
        if is_scored(row) and not is_scored(other):
            found[key] = row
        elif is_scored(row) and is_scored(other) and row.psnr_db != other.psnr_db:
            raise UsageError(
                f"Expected one score of cell {row.cell_id}, got {other.psnr_db:g} dB and {row.psnr_db:g} dB. "
                "Delete the row that was not measured."
            )
    return list(found.values())


def _two_versions(row: Row, other: Row, boards: Mapping[str, str]) -> UsageError:
    here, there = boards.get(row.cell_id, ""), boards.get(other.cell_id, "")
    if here != there:
        first, second = f"{row.cell_id} in {here}", f"{other.cell_id} in {there}"
        remedy = f"Give {here} and {there} to two commands."
    else:
        first, second = row.cell_id, other.cell_id
        remedy = "Run the cells again into another folder, and use that one."
    what = f"are both {row.attack} on {row.defense}, but of different data or versions"
    return UsageError(f"Cells {first} and {second} {what}. {remedy}")


def wanted_attacks(rows: Iterable[Row]) -> set[Component]:
    """Return the attacks of one scenario: those that apply to at least one of its defenses."""
    return {attack_of(row) for row in rows if row.status != "inapplicable"}


def wanted_seeds(rows: Iterable[Row]) -> set[int]:
    """Return the seeds of one scenario: those of any of its defenses."""
    return {row.seed for row in rows}


def find_gaps(rows: Iterable[Row]) -> list[Gap]:
    """Return the cells that defenses lack, ordered by scenario, defense, attack and seed.

    A defense needs a score of each attack of its scenario at each seed of the scenario. A seed at which only some of
    the attacks ran says nothing about the others, and one that only other defenses have may have been left out as
    unfavorable.

    Args:
        rows: Rows of one or several leaderboards.
    """
    gaps: list[Gap] = []
    for scenario, defenses in by_defense(rows).items():
        here = [row for cells in defenses.values() for row in cells]
        wanted = set(product(wanted_attacks(here), wanted_seeds(here)))
        for defense, cells in defenses.items():
            gaps += _of_defense(scenario, defense, cells, wanted)
    return sorted(gaps, key=lambda gap: (gap.scenario, gap.defense, gap.attack, gap.seed))


def _of_defense(
    scenario: ScenarioKey, defense: Component, cells: Sequence[Row], wanted: Iterable[tuple[Component, int]]
) -> list[Gap]:
    known = {(attack_of(row), row.seed): row for row in sorted(cells, key=is_scored)}  # a scored row wins
    found = []
    for attack, seed in wanted:
        row = known.get((attack, seed))
        if row is None or not is_scored(row):
            why, attainable = _reason(row), row is None or row.status != "inapplicable"
            gap = Gap(scenario=scenario, defense=defense, attack=attack, seed=seed, why=why, attainable=attainable)
            found.append(gap)
    return found


def _reason(row: Row | None) -> str:
    if row is None:
        return "missing"
    if row.status == "done":
        return "done, but without scores"
    return f"{row.status}: {row.reason}"
