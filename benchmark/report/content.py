"""What a report says of results: places, the settings of defenses at each, and their cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ... import __version__
from ..leaderboard.audits import audit
from ..leaderboard.audits.comparisons import NOTHING_DB
from ..leaderboard.completeness import each_once, find_gaps, scenario_of
from ..leaderboard.completing import completing_commands
from ..leaderboard.flag_kinds import INCOMPLETE
from ..leaderboard.ranking import rank_scenarios
from ..leaderboard.store import Record, Row
from ..metrics.scales import RECOGNISABLE_SSIM
from .curves import Curve, curves
from .defenses import DefenseSummary, settings

SCENARIO_COLUMNS = ("dataset", "model", "split", "n_images")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One dataset, model and split: what is compared with each other.

    Attributes:
        settings: in the order of the ranking, the best protected first.
        curves: how the leak falls with the strength of each defense.
        commands: the runs that complete all settings.
    """

    dataset: str
    model: str
    split: str
    n_images: int
    settings: list[DefenseSummary]
    curves: list[Curve]
    commands: list[str]


@dataclass(frozen=True, kw_only=True)
class Content:
    """All that a report shows, pictures aside.

    Attributes:
        nothing_db: up to this much above the mean image an attack counts as failed.
        flags: each the name of an audit, its sentence, and the cells concerned.
        versions: of what computed the results, each once.
    """

    places: list[Scenario]
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
    rows = each_once(rows)
    flags = [
        {"name": flag.name, "sentence": flag.sentence, "cells": flag.cell_ids}
        for flag in audit(rows, records)
        if flag.name != INCOMPLETE  # settings say what they lack
    ]
    gaps, commands = find_gaps(rows), completing_commands(rows)
    places = []
    for key, (lines, rivals) in rank_scenarios(rows, records).items():
        here, lacking = [row for row in rows if scenario_of(row) == key], [gap for gap in gaps if gap.scenario == key]
        found = settings(lines, rivals, here, records, lacking)
        dataset, model, split, images = key
        place = Scenario(
            dataset=dataset,
            model=model,
            split=split,
            n_images=images,
            settings=found,
            curves=curves(found),
            commands=commands.get(key, []),
        )
        places.append(place)
    return Content(places=places, flags=flags, versions=_versions(rows))


def _versions(rows: Sequence[Row]) -> dict[str, list[str]]:
    names = ("code_version", "plugin_version", "torch_version", "device", "protocol")
    return {name: sorted({str(getattr(row, name)) for row in rows} - {""}) for name in names}
