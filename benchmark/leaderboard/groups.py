"""A leaderboard as the audits read it: rows in groups, and differences with their intervals."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ..metrics import interval
from ..registry.labels import label
from .columns import NAMES
from .completeness import is_scored
from .store import Record, Row


@dataclass(frozen=True)
class Flag:
    """One reason for doubt.

    Attributes:
        name: of the audit.
        sentence: what is wrong and what it means.
        cell_ids: the cell in doubt, then the one it was compared with.
    """

    name: str
    sentence: str
    cell_ids: tuple[str, ...]


Finding = tuple[str, tuple[str, ...]]
"""The sentence and the cells of a flag."""


class ScoredRows:
    """The finished rows of leaderboards, with the values of each image where they are at hand."""

    def __init__(self, rows: Iterable[Row], records: Mapping[str, Record]) -> None:
        """Take the rows, and the records by cell."""
        self.all_rows = list(rows)
        self.rows = [row for row in self.all_rows if is_scored(row)]
        self.records = records

    def details(self, row: Row) -> dict[str, float]:
        """What the record says beside the row; nothing if there is no record."""
        record = self.records.get(row.cell_id)
        return record.details if record else {}

    def images(self, row: Row) -> torch.Tensor:
        """The PSNR of each image, (N,); empty if there is no record."""
        record = self.records.get(row.cell_id)
        return torch.tensor(record.per_image.psnr_db if record else [], dtype=torch.float64)

    def sources(self, row: Row) -> list[int] | None:
        """The source of each image, (N,); None if there is no record or the images are independent."""
        record = self.records.get(row.cell_id)
        return (record.per_image.sources or None) if record else None

    def exceeds(self, row: Row, other: Row, margin: float) -> bool:
        """Whether the mean PSNR is higher than another's by more than ``margin`` dB, at the lower end of 95 %.

        The interval is that of the differences image by image where the records are at hand; elsewhere it spans the
        intervals of both means, which is far wider.
        """
        here, there = self.images(row), self.images(other)
        if len(here) == len(there) > 1:
            low, _ = interval(here - there, sources=self.sources(row) or self.sources(other))
            return low is not None and low > margin
        if row.psnr_db_low is None or other.psnr_db_high is None:
            return False
        return row.psnr_db_low - other.psnr_db_high > margin

    def groups(self, *ignored: str, rest: Callable[[Row], Any] = lambda row: None) -> Iterator[list[Row]]:
        """Rows that agree in all that names a cell, but for the ignored columns, and in the ``rest`` of those."""
        found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in self.rows:
            key = tuple(getattr(row, name) for name in NAMES if name not in ignored)
            found[(*key, row.protocol, rest(row))].append(row)
        yield from found.values()


def observations(row: Row) -> int:
    """How many wires of each image the attack saw."""
    return json.loads(row.attack_params).get("observations", 1)


def psnr(row: Row) -> float:
    """The mean PSNR of a finished row."""
    assert row.psnr_db is not None
    return row.psnr_db


def defense(row: Row) -> str:
    """The defense and those of its parameters that are not the default."""
    return label("defenses", row.defense, json.loads(row.defense_params))


def cell(row: Row) -> str:
    """Which cell it is, and its score."""
    where = f"{row.dataset} {row.model} {row.split} seed {row.seed}"
    attack = label("attacks", row.attack, json.loads(row.attack_params))
    return f"{attack} on {defense(row)} ({where}), {psnr(row):.2f} dB,"
