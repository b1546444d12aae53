"""Collect the content of a report: scenarios, the settings of defenses in each of them, and their cells."""

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
from ..leaderboard.ranked_defense import RankedDefense
from ..leaderboard.ranking import rank_scenarios
from ..leaderboard.store import Record, Row
from ..metrics.scales import RECOGNISABLE_SSIM
from .curves import Curve, curves
from .defenses import DefenseSummary, settings

METRIC_TITLES = {"r2": "R²"}
"""Names of metrics in words, where they are not those of the column."""
SCENARIO_COLUMNS = ("dataset", "model", "split", "n_images")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One dataset, model, split and number of images. Defenses are compared within one scenario.

    Attributes:
        settings: defenses with their parameters in the order of the ranking, best protected first.
        curves: leak and utility by the strength of each defense.
        commands: the commands that complete all settings.
        metric: what the utility is, in words, as ``accuracy``.

    Example:
        >>> Scenario(
        ...     dataset="mnist", model="lenet5", split="relu2", n_images=64, settings=[], curves=[], commands=[]
        ... ).split
        'relu2'
    """

    dataset: str
    model: str
    split: str
    n_images: int
    settings: list[DefenseSummary]
    curves: list[Curve]
    commands: list[str]
    metric: str = "accuracy"


@dataclass(frozen=True, kw_only=True)
class Content:
    """Everything that a report shows, except for the images.

    Attributes:
        scenarios: the scenarios of the results.
        flags: the flags of the audits: name, sentence and cells.
        versions: the versions of the software that computed the results, each once.
        nothing_db: an attack fails if its mean is at most this much above the mean image, in dB.
        recognisable_ssim: SSIM from which an image is recognizable.
        version: the version that wrote the report.

    Example:
        >>> Content(scenarios=[], flags=[], versions={}).nothing_db
        0.3
    """

    scenarios: list[Scenario]
    flags: list[dict[str, Any]]
    versions: dict[str, list[str]]
    nothing_db: float = NOTHING_DB
    recognisable_ssim: float = RECOGNISABLE_SSIM
    version: str = __version__


def content(rows: Iterable[Row], records: Mapping[str, Record]) -> Content:
    """Collect the content of a report.

    Args:
        rows: rows of one or several leaderboards.
        records: available records by cell. With them, worst cases are computed image by image, with their own interval.

    Raises:
        UsageError: if two rows are the same cell of different data or versions.

    Example:
        >>> content([], {}).scenarios
        []
    """
    rows = each_once(rows)
    flags = [
        {"name": flag.name, "sentence": flag.sentence, "cells": flag.cell_ids}
        for flag in audit(rows, records)
        if flag.name != INCOMPLETE  # each setting lists what it lacks
    ]
    gaps, commands = find_gaps(rows), completing_commands(rows)
    scenarios = []
    for key, (lines, rivals) in rank_scenarios(rows, records).items():
        here, lacking = [row for row in rows if scenario_of(row) == key], [gap for gap in gaps if gap.scenario == key]
        found = settings(lines, rivals, here, records, lacking)
        dataset, model, split, images = key
        scenario = Scenario(
            dataset=dataset,
            model=model,
            split=split,
            n_images=images,
            settings=found,
            curves=curves(found),
            commands=commands.get(key, []),
            metric=_metric(lines),
        )
        scenarios.append(scenario)
    return Content(scenarios=scenarios, flags=flags, versions=_versions(rows))


def _metric(lines: Sequence[RankedDefense]) -> str:
    """Return what the utility of the settings is, in words."""
    names = dict.fromkeys(line.utility_metric for line in lines if line.utility_metric)
    return " or ".join(METRIC_TITLES.get(name, name.replace("_", " ")) for name in names) or "utility"


def _versions(rows: Sequence[Row]) -> dict[str, list[str]]:
    names = ("code_version", "plugin_version", "torch_version", "device", "protocol")
    return {name: sorted({str(getattr(row, name)) for row in rows} - {""}) for name in names}
