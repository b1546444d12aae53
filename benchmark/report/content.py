"""Collect the content of a report: scenarios, the settings of defenses in each of them, and their cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import __version__
from ..leaderboard.auditing import audit
from ..leaderboard.audits.comparisons import NOTHING_DB
from ..leaderboard.completeness import each_once, find_gaps, scenario_of
from ..leaderboard.completion_commands import completing_commands
from ..leaderboard.flag_kinds import INCOMPLETE
from ..leaderboard.ranked_defense import RankedDefense
from ..leaderboard.ranking import rank_scenarios
from ..leaderboard.records import Record, Row
from ..metrics.scales import RECOGNISABLE_SSIM
from .costs import NETWORKS, deployments, describe
from .curves import Curve, curves
from .defenses import DefenseSummary, settings
from .looks import MARKS, Look, Polygon, looks

METRIC_TITLES = {"r2": "R²"}
"""Names of metrics in words, where they are not those of the column."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One dataset, model, split and number of images. Defenses are compared within one scenario.

    Attributes:
        settings: Defenses with their parameters in the order of the ranking, best protected first.
        curves: Leak and utility by the strength of each defense.
        commands: The commands that complete all settings.
        metric: What the utility is, in words, as ``accuracy``.
        looks: The color and the mark of each defense, the same in all scenarios of a board.

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
    looks: dict[str, Look] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """Everything that a report shows, except for the images.

    Attributes:
        scenarios: The scenarios of the results.
        flags: The flags of the audits: name, sentence and cells.
        versions: The versions of the software that computed the results, each once.
        nothing_db: An attack fails if its mean is at most this much above the mean image, in dB.
        recognisable_ssim: SSIM from which an image is recognizable.
        version: The version that wrote the report.
        marks: The corners of the marks of defenses.
        deployments: The devices and networks of modelled costs: name, title and text.

    Example:
        >>> ReportContent(scenarios=[], flags=[], versions={}).nothing_db
        0.3
    """

    scenarios: list[Scenario]
    flags: list[dict[str, Any]]
    versions: dict[str, list[str]]
    nothing_db: float = NOTHING_DB
    recognisable_ssim: float = RECOGNISABLE_SSIM
    version: str = __version__
    marks: tuple[Polygon, ...] = MARKS
    deployments: list[dict[str, str]] = field(default_factory=list)


def content(rows: Iterable[Row], records: Mapping[str, Record], folder: Path | None = None) -> ReportContent:
    """Collect the content of a report.

    Args:
        rows: Rows of one or several leaderboards.
        records: Available records by cell. With them, worst cases are computed image by image, with their own interval.
        folder: The results folder to which commands add what is lacking; None leaves it out of them.

    Raises:
        UsageError: If two rows are the same cell of different data or versions.

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
    gaps, commands = find_gaps(rows), completing_commands(rows, folder)
    everywhere, found_looks = deployments(), looks(row.defense for row in rows)
    scenarios = []
    for key, (lines, rivals) in rank_scenarios(rows, records).items():
        here, lacking = [row for row in rows if scenario_of(row) == key], [gap for gap in gaps if gap.scenario == key]
        found = settings(lines, rivals, here, records, lacking, everywhere)
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
            looks=found_looks,
        )
        scenarios.append(scenario)
    told = [
        {"name": name, "title": NETWORKS[name], "text": describe(deployment)} for name, deployment in everywhere.items()
    ]
    return ReportContent(scenarios=scenarios, flags=flags, versions=_versions(rows), deployments=told)


def _metric(lines: Sequence[RankedDefense]) -> str:
    """Return what the utility of the settings is, in words."""
    names = dict.fromkeys(line.utility_metric for line in lines if line.utility_metric)
    return " or ".join(METRIC_TITLES.get(name, name.replace("_", " ")) for name in names) or "utility"


def _versions(rows: Sequence[Row]) -> dict[str, list[str]]:
    names = ("code_version", "plugin_version", "torch_version", "device", "protocol")
    return {name: sorted({str(getattr(row, name)) for row in rows} - {""}) for name in names}
