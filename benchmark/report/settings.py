"""One defense with its parameters at one place: its line of the ranking, how sure it is, and its cells."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import torch

from ..cells import REFERENCE_ATTACK, REFERENCE_DEFENSE
from ..labels import label
from ..leaderboard import Record, Row
from ..metrics import interval
from ..ranking import best_of_each, worst_case

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
MEASURES = ("psnr_db", "ssim")
"""What attacks recover: the higher, the less private."""
Z = 1.959964
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A defense with its parameters.

    Attributes:
        name: of the defense.
        telling: those parameters that tell something, as ``sigma=0.5``.
        params: all parameters.
        undefended: whether this is the model without a defense.
        line: the columns of the ranking, None where unknown.
        ranges: by measure, the 95 % interval of its mean over images as [low, high].
        seeds: by measure, its lowest and highest value over the seeds, if there are several.
        more: further figures by name: the largest share identified, the loosest bound, ...
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
    lacking: list[str]
    cells: list[dict[str, Any]]

    @property
    def label(self) -> str:
        """The name with the telling parameters."""
        return f"{self.name}:{self.telling}" if self.telling else self.name


def settings(lines: Iterable[Mapping[Any, Any]], cells: Sequence[Row], records: Mapping[str, Record]) -> list[Setting]:
    """Describe all settings of one place.

    Args:
        lines: of the ranking, for this place, in its order.
        cells: all rows of this place.
        records: those at hand, by cell.
    """
    chosen: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in cells:
        chosen[row.defense, row.defense_params].append(row)
    shorten_defense = _shortener("defenses", {(row.defense, row.defense_params) for row in cells})
    shorten_attack = _shortener("attacks", {(row.attack, row.attack_params) for row in cells})
    tasks = {(row.attack, row.attack_params, row.seed) for row in cells}
    lines = [{str(column): _known(value) for column, value in line.items()} for line in lines]

    def describe(line: Mapping[str, Any]) -> Setting:
        key = line["defense"], line["defense_params"]
        own = sorted(chosen[key], key=lambda row: (row.attack == REFERENCE_ATTACK, row.attack, row.seed))
        done = [row for row in own if row.status == "done"]
        name, _, telling = shorten_defense(*key).partition(":")
        return Setting(
            name=name,
            telling=telling,
            params=json.loads(key[1]),
            undefended=name == REFERENCE_DEFENSE,
            line=dict(line),
            ranges={**_leak_ranges(done, records), **_wilson(done)},
            seeds=_over_seeds(done, records),
            more=_more(done, records),
            lacking=_lacking(own, tasks, shorten_attack),
            cells=[_cell(row, shorten_attack(row.attack, row.attack_params)) for row in own],
        )

    return [describe(line) for line in lines]


def _shortener(kind: Any, components: Iterable[tuple[str, str]]) -> Callable[[str, str], str]:
    """From a component's name and parameters to its label among others of its name."""
    alike: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, params in components:
        alike[name].append(json.loads(params))
    return lambda name, params: label(kind, name, json.loads(params), alike[name])


def _known(value: Any) -> Any:
    """None for what is not known or not a number that JSON can say."""
    if value is None or value != value or value in (math.inf, -math.inf):
        return None
    return value.item() if hasattr(value, "item") else value


def _cell(row: Row, attack_label: str) -> dict[str, Any]:
    shown = {name: _known(getattr(row, name)) for name in CELL}
    return {**shown, "label": attack_label, "reference": row.attack == REFERENCE_ATTACK}


def _lacking(own: Sequence[Row], tasks: set[tuple[str, str, int]], shorten: Callable[[str, str], str]) -> list[str]:
    there = {(row.attack, row.attack_params, row.seed): row for row in own}
    sentences = []
    for attack, params, seed in sorted(tasks):
        row = there.get((attack, params, seed))
        if row is None or row.status != "done":
            why = f"{row.status}: {row.reason}" if row else "missing"
            sentences.append(f"{shorten(attack, params)}, seed {seed}: {why}")
    return sentences


def _leak_ranges(done: Sequence[Row], records: Mapping[str, Record]) -> dict[str, tuple[float, float]]:
    """95 % intervals of the worst case: over images, or else those of each seed's strongest attack, averaged."""
    found: dict[str, tuple[float, float]] = {}
    if all(row.cell_id in records for row in done):
        for name, best in zip(MEASURES, best_of_each(done, records), strict=True):
            by_image: dict[int, list[float]] = defaultdict(list)
            for (_, image), value in best.items():
                by_image[image].append(value)
            low, high = interval(torch.tensor([mean(values) for values in by_image.values()]))
            if low is not None and high is not None:
                found[name] = low, high
        return found
    for name in MEASURES:
        scored = [row for row in done if _known(getattr(row, name)) is not None]
        strongest = [max(rows, key=lambda row: getattr(row, name)) for rows in _by_seed(scored).values()]
        lows, highs = ([_known(getattr(row, f"{name}_{end}")) for row in strongest] for end in ("low", "high"))
        if strongest and None not in (*lows, *highs):
            found[name] = mean(lows), mean(highs)
    return found


def _wilson(done: Sequence[Row]) -> dict[str, tuple[float, float]]:
    """Wilson's 95 % interval of the accuracy, from the number of images that it was measured on.

    Source: Wilson, JASA 22 (1927) 209, as in Brown, Cai, DasGupta, Statistical Science 16 (2001) 101, equation 4.
    """
    known = [(row.accuracy, row.accuracy_images) for row in done if row.accuracy is not None and row.accuracy_images]
    if not known:
        return {}
    share, images = mean(accuracy for accuracy, _ in known), min(count for _, count in known)
    center = (share + Z**2 / (2 * images)) / (1 + Z**2 / images)
    half = Z / (1 + Z**2 / images) * math.sqrt(share * (1 - share) / images + Z**2 / (4 * images**2))
    return {"accuracy": (center - half, center + half)}


def _by_seed(rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.seed].append(row)
    return found


def _over_seeds(done: Sequence[Row], records: Mapping[str, Record]) -> dict[str, tuple[float, float]]:
    by_seed = _by_seed(done)
    if len(by_seed) < 2:
        return {}
    worst = [worst_case(rows, records) for rows in by_seed.values()]
    measures: dict[str, list[float]] = {
        "psnr_db": [psnr for psnr, _, _ in worst],
        "ssim": [ssim for _, ssim, _ in worst],
        "accuracy": [row.accuracy for (row, *_) in by_seed.values() if row.accuracy is not None],
    }
    return {name: (min(values), max(values)) for name, values in measures.items() if values}


def _more(done: Sequence[Row], records: Mapping[str, Record]) -> dict[str, float]:
    """Figures beside the ranking: the worst over attacks, or the same for all cells."""
    found = {name: [_known(getattr(row, name)) for row in done] for name in ("identified", "leak_r2", "bound_psnr_db")}
    for name in ("client_params", "delta"):
        found[name] = [_known(getattr(row, name)) for row in done]
    for name in ("bytes_down", "identified_chance"):
        found[name] = [records[row.cell_id].details.get(name) for row in done if row.cell_id in records]
    known = {name: [value for value in values if value is not None] for name, values in found.items()}
    return {name: max(values) for name, values in known.items() if values}
