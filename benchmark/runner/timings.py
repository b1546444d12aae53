"""Seconds that earlier cells took: those in a results folder, and those that come with the package."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from statistics import median

from ..leaderboard.records import Record
from ..leaderboard.store import read_records
from ..plan.cells import Cell
from ..registry import Kind


@dataclass(frozen=True)
class CellNames:
    """The names that make up a cell, without parameters.

    Example:
        >>> CellNames("photos", "lenet5", "relu1", "dp_ir", "ridge").attack
        'ridge'
    """

    dataset: str
    model: str
    split: str
    defense: str
    attack: str

    @classmethod
    def of(cls, cell: Cell) -> CellNames:
        """Return the names of a cell."""
        setting = cell.setting
        return cls(setting.dataset.name, setting.model.name, setting.split, setting.defense.name, cell.attack.name)


@dataclass(frozen=True)
class CellTiming:
    """Seconds that an earlier cell took.

    Attributes:
        names: Dataset, model, split, defense and attack.
        images: Number of attacked images.
        protect_seconds: Time to make the protected model; None if it was not measured.
        attack_seconds: Time of the attack; None if there was none.
        client_macs: Multiply-accumulate operations of the client for one image; None if they were not counted.

    Example:
        >>> names = CellNames("photos", "lenet5", "relu1", "dp_ir", "ridge")
        >>> CellTiming(names, images=64, protect_seconds=0.1, attack_seconds=4.9).attack_seconds
        4.9
    """

    names: CellNames
    images: int
    protect_seconds: float | None
    attack_seconds: float | None
    client_macs: float | None = None


def timings(out: Path) -> list[CellTiming]:
    """Return the timings of a results folder, and those that come with the package."""
    return timings_of(read_records(out).values())


def timings_of(records: Iterable[Record]) -> list[CellTiming]:
    """Return the timings of records, and those that come with the package."""
    return [*map(_recorded, records), *_shipped()]


def typical(kind: Kind, name: str) -> dict[str, float]:
    """Return the median seconds of an attack, or the median seconds to protect with a defense, by dataset."""
    found: dict[str, list[float]] = defaultdict(list)
    for each in _shipped():
        names = each.names
        of, seconds = (
            (names.attack, each.attack_seconds) if kind == "attacks" else (names.defense, each.protect_seconds)
        )
        if of == name and seconds is not None:
            found[names.dataset].append(seconds)
    return {dataset: median(seconds) for dataset, seconds in sorted(found.items())}


def nearest(known: Sequence[CellTiming], agreement: Callable[[CellTiming], tuple[float, ...]]) -> list[CellTiming]:
    """Return the timings that agree best: in the first of several respects, then in the second, and so on."""
    best = max((agreement(each) for each in known), default=())
    return [each for each in known if agreement(each) == best]


def _recorded(record: Record) -> CellTiming:
    row = record.row
    names = CellNames(
        *(name.partition(":")[0] for name in (row.dataset, row.model, row.split, row.defense, row.attack))
    )
    return CellTiming(names, row.n_images, record.details.get("protect_seconds"), row.attack_seconds, row.client_macs)


@cache
def _shipped() -> tuple[CellTiming, ...]:
    text = files("mia_bench.benchmark.runner").joinpath("timings.csv").read_text(encoding="utf-8")
    return tuple(map(_timing, csv.DictReader(text.splitlines())))


def _timing(line: dict[str, str]) -> CellTiming:
    names = CellNames(*(line[name] for name in ("dataset", "model", "split", "defense", "attack")))
    measured = ("protect_seconds", "attack_seconds", "client_macs")
    return CellTiming(names, int(line["n_images"]), *(float(line[name]) if line[name] else None for name in measured))
