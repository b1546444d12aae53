"""The finished rows of leaderboards for audits: grouped, and compared with confidence intervals."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.intervals import intervals
from ..plan.references import KEY_COLUMNS
from .completeness import is_scored
from .records import Record, Row


class ScoredRows:
    """The finished rows of leaderboards, with the scores of each image if there are records.

    Example:
        >>> ScoredRows([], {}).rows
        []
    """

    def __init__(self, rows: Iterable[Row], records: Mapping[str, Record], folder: Path | None = None) -> None:
        """Take the rows, the records by cell, and the results folder that they are from, if it is one."""
        self.folder = folder
        self.all_rows = list(rows)
        self.rows = [row for row in self.all_rows if is_scored(row)]
        self.records = records
        self._images: dict[str, NDArray[np.float64]] = {}

    def details(self, row: Row) -> dict[str, float]:
        """Return the further measurements of a record; nothing if there is no record."""
        record = self.records.get(row.cell_id)
        return record.details if record else {}

    def images(self, row: Row) -> NDArray[np.float64]:
        """Return the PSNR of each image, (N,); empty if there is no record."""
        if row.cell_id not in self._images:
            record = self.records.get(row.cell_id)
            self._images[row.cell_id] = np.array(record.per_image.psnr_db if record else [], dtype=np.float64)
        return self._images[row.cell_id]

    def sources(self, row: Row) -> list[int] | None:
        """Return the source of each image, (N,); None if there is no record or the images are independent."""
        record = self.records.get(row.cell_id)
        return (record.per_image.sources or None) if record else None

    def exceeds(self, row: Row, other: Row, margin: float) -> bool:
        """Return whether a mean PSNR is surely higher than another by more than ``margin`` dB.

        It is if the lower end of the 95 % interval of the difference is above the margin. With records, this is the
        interval of the differences image by image; without, it spans the intervals of both means, which is much wider.
        """
        return bool(self.exceeding([row], other, margin))

    def exceeding(self, rows: Iterable[Row], other: Row, margin: float) -> list[Row]:
        """Return those of many rows whose mean PSNR is surely higher than another by more than ``margin`` dB."""
        higher = [row for row in rows if psnr(row) - psnr(other) > margin]  # an interval contains its mean
        there, paired, lows = self.images(other), defaultdict(list), {}
        for row in higher:
            if len(self.images(row)) == len(there) > 1:
                paired[tuple(self.sources(row) or self.sources(other) or ())].append(row)
            elif row.psnr_db_low is not None and other.psnr_db_high is not None:
                lows[row.cell_id] = row.psnr_db_low - other.psnr_db_high
        for sources, alike in paired.items():
            differences = np.stack([self.images(row) for row in alike]) - there
            found, _ = intervals(differences, sources=sources or None)
            lows |= {row.cell_id: low for row, low in zip(alike, found, strict=True)}
        return [row for row in higher if lows.get(row.cell_id, -math.inf) > margin]

    def groups(self, *ignored: str, rest: Callable[[Row], Any] = lambda row: None) -> Iterator[list[Row]]:
        """Yield groups of rows that agree in all key columns except the ignored ones, and in their ``rest``."""
        found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in self.rows:
            key = tuple(getattr(row, name) for name in KEY_COLUMNS if name not in ignored)
            found[(*key, row.protocol, rest(row))].append(row)
        yield from found.values()


def observations(row: Row) -> int:
    """Return how many wires of each image the attack observed."""
    return json.loads(row.attack_params).get("observations", 1)


def psnr(row: Row) -> float:
    """Return the mean PSNR of a finished row, in dB."""
    assert row.psnr_db is not None
    return row.psnr_db
