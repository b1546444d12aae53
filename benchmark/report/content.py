"""What a report says of results: places, the settings of defenses at each, and their cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ... import __version__
from ..audits import NOTHING_DB, audit
from ..leaderboard import Record, Row
from ..metrics import RECOGNISABLE_SSIM
from ..ranking import rank
from .curves import Curve, curves
from .settings import Setting, settings

PLACE = ("dataset", "model", "split", "n_images")


@dataclass(frozen=True, kw_only=True)
class Place:
    """One dataset, model and split: what is compared with each other.

    Attributes:
        settings: in the order of the ranking, the best protected first.
        curves: how the leak falls with the strength of each defense.
    """

    dataset: str
    model: str
    split: str
    n_images: int
    settings: list[Setting]
    curves: list[Curve]


@dataclass(frozen=True, kw_only=True)
class Content:
    """All that a report shows, pictures aside.

    Attributes:
        nothing_db: up to this much above the mean image an attack counts as failed.
        flags: each the name of an audit, its sentence, and the cells concerned.
        versions: of what computed the results, each once.
    """

    places: list[Place]
    flags: list[dict[str, Any]]
    versions: dict[str, list[str]]
    nothing_db: float = NOTHING_DB
    recognisable_ssim: float = RECOGNISABLE_SSIM
    version: str = __version__


def content(rows: Iterable[Row], records: Mapping[str, Record]) -> Content:
    """Work out what a report shows.

    Args:
        rows: of one or several leaderboards.
        records: those at hand, by cell; with them worst cases are per image, and have their own interval.

    Raises:
        UsageError: if two rows say the same of different data or versions.
    """
    rows = list(rows)
    lines = rank(rows, records).to_dict(orient="records")
    flags = [{"name": flag.name, "sentence": flag.sentence, "cells": flag.cell_ids} for flag in audit(rows, records)]
    by_place: dict[tuple[str, str, str, int], list[Row]] = defaultdict(list)
    for row in rows:
        by_place[row.dataset, row.model, row.split, row.n_images].append(row)
    places = []
    for key in sorted(by_place):
        dataset, model, split, images = key
        here = [line for line in lines if tuple(line[name] for name in PLACE) == key]
        found = settings(here, by_place[key], records)
        place = Place(dataset=dataset, model=model, split=split, n_images=images, settings=found, curves=curves(found))
        places.append(place)
    return Content(places=places, flags=flags, versions=_versions(rows))


def _versions(rows: Sequence[Row]) -> dict[str, list[str]]:
    names = ("code_version", "plugin_version", "torch_version", "device", "protocol")
    return {name: sorted({str(getattr(row, name)) for row in rows} - {""}) for name in names}
