"""Summarize one defense with its parameters in one scenario: its row of the ranking, intervals and cells."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from ..leaderboard.completeness import Component, Gap, attack_of, defense_of, is_scored
from ..leaderboard.ranked_defense import RankedDefense
from ..leaderboard.ranking import Rivals
from ..leaderboard.records import SCORES, Record, Row
from ..plan.references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from ..registry.labels import labeler
from ..splits.lines import Deployment
from .costs import modelled
from .uncertainty import known, ranges, seed_span

CELL_COLUMNS = (
    "cell_id",
    "attack",
    "access",
    "seed",
    "status",
    "reason",
    "utility",
    *SCORES,
    "bound_psnr_db",
    "bound_identified",
    "attack_seconds",
)
"""Columns of a leaderboard that a report shows for each cell."""
SHARES_AND_BOUNDS = ("identified", "leak_r2", "bound_psnr_db")
"""Columns of a leaderboard whose largest value over the attacks a report shows for each defense."""
DETAILS = (
    *("bytes_down", "identified_chance", "client_overhead_ms", "client_undefended_ms"),
    *("attribute_majority", "attribute_from_outputs"),
)
"""Details of records whose largest value over the attacks a report shows for each defense."""


@dataclass(frozen=True, kw_only=True)
class DefenseSummary:
    """A defense with its parameters.

    Attributes:
        name: The name of the defense.
        telling: The parameters that distinguish it, as ``sigma=0.5``.
        params: All parameters.
        undefended: Whether this is the model without a defense.
        line: The columns of the ranking; None if unknown.
        ranges: 95 % interval of the mean over images as [low, high], by measure.
        seeds: Lowest and highest value over the seeds by measure, if there are several seeds.
        more: Further values by name, such as the largest share identified and the loosest bound.
            ``strongest_leak_db`` is how far the strongest single attack is above the mean image. The worst case per
            image is always above it, even if it is the best of several failed guesses.
        rivals: By measure, the positions of the settings that surely beat this one in utility kept and in the measure;
            empty on the Pareto front, None for a setting that is incomplete, or has no score or no utility kept.
        lacking: Descriptions of the cells that are missing, failed or inapplicable.
        cells: The columns of each attack and seed.
        costs: Modelled latency in ms and energy in mJ of one image, by network.

    Example:
        >>> from dataclasses import fields
        >>> [field.name for field in fields(DefenseSummary)][:3]
        ['name', 'telling', 'params']
    """

    name: str
    telling: str
    params: dict[str, Any]
    undefended: bool
    line: dict[str, Any]
    ranges: dict[str, tuple[float, float]]
    seeds: dict[str, tuple[float, float]]
    more: dict[str, float]
    rivals: dict[str, list[int] | None]
    lacking: list[str]
    cells: list[dict[str, Any]]
    costs: dict[str, dict[str, float]]

    @property
    def label(self) -> str:
        """The name with the parameters that distinguish the defense."""
        return f"{self.name}:{self.telling}" if self.telling else self.name


def settings(
    ranked: Sequence[RankedDefense],
    rivals: Rivals,
    cells: Sequence[Row],
    records: Mapping[str, Record],
    gaps: Sequence[Gap],
    deployments: Mapping[str, Deployment],
) -> list[DefenseSummary]:
    """Summarize all settings of one scenario.

    Args:
        ranked: The ranked defenses of the scenario, in their order.
        rivals: Which of the defenses beat each other.
        cells: All rows of the scenario.
        records: Available records by cell.
        gaps: The cells that the defenses lack.
        deployments: Devices and networks, by the name of the network.
    """
    chosen: dict[Component, list[Row]] = defaultdict(list)
    for row in cells:
        chosen[defense_of(row)].append(row)
    lacking: dict[Component, list[Gap]] = defaultdict(list)
    for gap in gaps:
        lacking[gap.defense].append(gap)
    plain = [row for row in cells if row.defense == REFERENCE_DEFENSE]
    plain_macs = next((row.client_macs for row in plain if row.client_macs is not None), None)
    shorten_defense = labeler("defenses", set(map(defense_of, cells)))
    shorten_attack = labeler("attacks", set(map(attack_of, cells)))

    def describe(position: int, line: RankedDefense) -> DefenseSummary:
        key = line.defense, line.defense_params
        own = sorted(chosen[key], key=lambda row: (row.attack == REFERENCE_ATTACK, row.attack, row.seed))
        scored = [row for row in own if is_scored(row)]
        name, _, telling = shorten_defense(*key).partition(":")
        return DefenseSummary(
            name=name,
            telling=telling,
            params=json.loads(key[1]),
            undefended=name == REFERENCE_DEFENSE,
            line={column: known(value) for column, value in asdict(line).items()},
            ranges=ranges(scored, records, complete=not line.incomplete),
            seeds=seed_span(scored, records),
            more=_more(scored, records),
            rivals={name: beaten[position] for name, beaten in rivals.items()},
            lacking=[f"{shorten_attack(*gap.attack)}, seed {gap.seed}: {gap.why}" for gap in lacking[key]],
            cells=[_cell(row, shorten_attack(row.attack, row.attack_params)) for row in own],
            costs={name: modelled(scored, records, deployment, plain_macs) for name, deployment in deployments.items()},
        )

    return [describe(position, each) for position, each in enumerate(ranked)]


def _cell(row: Row, attack_label: str) -> dict[str, Any]:
    shown = {name: known(getattr(row, name)) for name in CELL_COLUMNS}
    return {**shown, "label": attack_label, "reference": row.attack == REFERENCE_ATTACK}


def _more(done: Sequence[Row], records: Mapping[str, Record]) -> dict[str, float]:
    """Return values that a ranking does not have: the worst over attacks, or the same for all cells."""
    found = {name: [known(getattr(row, name)) for row in done] for name in SHARES_AND_BOUNDS}
    for name in ("client_params", "delta"):
        found[name] = [known(getattr(row, name)) for row in done]
    known_records = [records[row.cell_id] for row in done if row.cell_id in records]
    for name in DETAILS:
        found[name] = [record.details.get(name) for record in known_records]
    found["recognized_by_people"] = [
        record.details.get("recognized_by_people") for record in known_records if record.row.attack != REFERENCE_ATTACK
    ]
    found["strongest_leak_db"] = _leaks(done)
    there = {name: [value for value in values if value is not None] for name, values in found.items()}
    return {name: max(values) for name, values in there.items() if values}


def _leaks(done: Sequence[Row]) -> list[float | None]:
    """Return the PSNR of each attack above that of the reference attack with the same seed, averaged over seeds."""
    zero = {row.seed: known(row.psnr_db) for row in done if row.attack == REFERENCE_ATTACK}
    by_attack: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in done:
        score, base = known(row.psnr_db), zero.get(row.seed)
        if row.attack != REFERENCE_ATTACK and score is not None and base is not None:
            by_attack[row.attack, row.attack_params].append(score - base)
    return [mean(leaks) for leaks in by_attack.values()]
