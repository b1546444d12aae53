"""One defense with its parameters at one place: its line of the ranking, how sure it is, and its cells."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from ..leaderboard.completeness import Gap, is_scored
from ..leaderboard.ranked_defense import RankedDefense
from ..leaderboard.ranking import Rivals
from ..leaderboard.store import Record, Row
from ..plan.references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from ..registry.labels import label
from .uncertainty import known, ranges, seed_span

CELL = (
    "cell_id",
    "attack",
    "access",
    "seed",
    "status",
    "reason",
    "accuracy",
    "psnr_db",
    "psnr_db_low",
    "psnr_db_high",
    "ssim",
    "ssim_low",
    "ssim_high",
    "recognisable",
    "identified",
    "leak_r2",
    "bound_psnr_db",
    "attack_seconds",
)
"""Columns of a leaderboard that a report shows of each cell."""


@dataclass(frozen=True, kw_only=True)
class DefenseSummary:
    """A defense with its parameters.

    Attributes:
        name: of the defense.
        telling: those parameters that tell something, as ``sigma=0.5``.
        params: all parameters.
        undefended: whether this is the model without a defense.
        line: the columns of the ranking, None where unknown.
        ranges: by measure, the 95 % interval of its mean over images as [low, high].
        seeds: by measure, its lowest and highest value over the seeds, if there are several.
        more: further figures by name: the largest share identified, the loosest bound, ...; ``strongest_leak_db`` is
            how far the strongest attack by itself is above the mean image, while the worst case per image is above it
            even when it is the best of several useless guesses.
        rivals: by measure, the positions of the settings that surely beat this one in accuracy kept and in the measure;
            empty on the Pareto front, None for a setting that is incomplete or has no score.
        lacking: in words, the cells that are missing, failed or inapplicable.
        cells: of each attack and seed.
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

    @property
    def label(self) -> str:
        """The name with the telling parameters."""
        return f"{self.name}:{self.telling}" if self.telling else self.name


def settings(
    lines: Sequence[RankedDefense],
    rivals: Rivals,
    cells: Sequence[Row],
    records: Mapping[str, Record],
    gaps: Sequence[Gap],
) -> list[DefenseSummary]:
    """Describe all settings of one place.

    Args:
        lines: of the ranking, for this place, in its order.
        rivals: which of the lines beat each other.
        cells: all rows of this place.
        records: those at hand, by cell.
        gaps: the cells that lines of this place lack.
    """
    chosen: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in cells:
        chosen[row.defense, row.defense_params].append(row)
    shorten_defense = _shortener("defenses", {(row.defense, row.defense_params) for row in cells})
    shorten_attack = _shortener("attacks", {(row.attack, row.attack_params) for row in cells})

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
            rivals={name: None if line.incomplete else beaten[position] for name, beaten in rivals.items()},
            lacking=[
                f"{shorten_attack(*gap.attack)}, seed {gap.seed}: {gap.why}" for gap in gaps if gap.defense == key
            ],
            cells=[_cell(row, shorten_attack(row.attack, row.attack_params)) for row in own],
        )

    return [describe(position, line) for position, line in enumerate(lines)]


def _shortener(kind: Any, components: Iterable[tuple[str, str]]) -> Callable[[str, str], str]:
    """From a component's name and parameters to its label among others of its name."""
    alike: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, params in components:
        alike[name].append(json.loads(params))
    return lambda name, params: label(kind, name, json.loads(params), alike[name])


def _cell(row: Row, attack_label: str) -> dict[str, Any]:
    shown = {name: known(getattr(row, name)) for name in CELL}
    return {**shown, "label": attack_label, "reference": row.attack == REFERENCE_ATTACK}


def _more(done: Sequence[Row], records: Mapping[str, Record]) -> dict[str, float]:
    """Figures beside the ranking: the worst over attacks, or the same for all cells."""
    found = {name: [known(getattr(row, name)) for row in done] for name in ("identified", "leak_r2", "bound_psnr_db")}
    for name in ("client_params", "delta"):
        found[name] = [known(getattr(row, name)) for row in done]
    for name in ("bytes_down", "identified_chance"):
        found[name] = [records[row.cell_id].details.get(name) for row in done if row.cell_id in records]
    found["strongest_leak_db"] = _leaks(done)
    there = {name: [value for value in values if value is not None] for name, values in found.items()}
    return {name: max(values) for name, values in there.items() if values}


def _leaks(done: Sequence[Row]) -> list[float | None]:
    """How far each attack's mean PSNR is above that of the reference attack with the same seed, averaged over seeds."""
    nothing = {row.seed: known(row.psnr_db) for row in done if row.attack == REFERENCE_ATTACK}
    by_attack: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in done:
        score, base = known(row.psnr_db), nothing.get(row.seed)
        if row.attack != REFERENCE_ATTACK and score is not None and base is not None:
            by_attack[row.attack, row.attack_params].append(score - base)
    return [mean(leaks) for leaks in by_attack.values()]
