"""Find curves: settings of one defense that differ in one parameter."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .defenses import DefenseSummary

MIN_LOG_RATIO = 8.0
"""Ratio of the largest to the smallest value from which an axis is logarithmic."""


@dataclass(frozen=True)
class Curve:
    """Settings of one defense that differ in one parameter.

    Attributes:
        defense: The name of the defense.
        param: The parameter along the axis.
        fixed: Parameters that distinguish this curve from others of the same defense, as ``clip=1``; may be empty.
        scale: The scale of the axis; categories are ordered by decreasing leak.
        points: The values of the parameter along the axis, each with the index of its setting in the scenario.

    Example:
        >>> Curve("dp_ir", "sigma", "", "log", [(0.1, 3), (1.0, 0)]).param
        'sigma'
    """

    defense: str
    param: str
    fixed: str
    scale: Literal["linear", "log", "category"]
    points: list[tuple[Any, int]]


def curves(settings: Sequence[DefenseSummary]) -> list[Curve]:
    """Find the curves among the settings of one scenario. A curve has at least two settings with a score."""
    numbers = {(each.name, key) for each in settings for key, value in each.params.items() if _number(value)}
    by_defense: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for index, setting in enumerate(settings):
        if setting.line.get("psnr_db") is not None:  # sigma is None where a setting has epsilon instead
            unset = [key for key, value in setting.params.items() if value is None and (setting.name, key) in numbers]
            by_defense[setting.name, *sorted(unset)].append(index)
    found = [curve for (name, *_), members in by_defense.items() for curve in _of_defense(name, members, settings)]
    return sorted(found, key=lambda curve: (curve.defense, curve.param, curve.fixed))


def _of_defense(name: str, members: Sequence[int], settings: Sequence[DefenseSummary]) -> list[Curve]:
    values = {index: {key: _plain(value) for key, value in settings[index].params.items()} for index in members}
    keys = sorted({key for params in values.values() for key in params})
    varied = {key: {params.get(key) for params in values.values()} for key in keys}
    varied = {key: different for key, different in varied.items() if len(different) > 1}
    if not varied:
        return []
    axis = max(varied, key=lambda key: (len(varied[key]), all(map(_number, varied[key]))))
    groups: dict[str, list[int]] = defaultdict(list)
    for index, params in values.items():
        groups[", ".join(f"{key}={params.get(key)}" for key in varied if key != axis)].append(index)
    made = []
    for fixed, chosen in groups.items():
        if len({values[index].get(axis) for index in chosen}) > 1:
            scale, points = _along([(values[index].get(axis), index) for index in chosen], settings)
            made.append(Curve(name, axis, fixed, scale, points))
    return made


def _along(
    points: list[tuple[Any, int]], settings: Sequence[DefenseSummary]
) -> tuple[Literal["linear", "log", "category"], list[tuple[Any, int]]]:
    numbers = [value for value, _ in points if _number(value)]
    if len(numbers) < len(points):
        ordered = sorted(points, key=lambda point: -settings[point[1]].line["psnr_db"])
        return "category", [("none" if value is None else str(value), index) for value, index in ordered]
    wide = min(numbers) > 0 and max(numbers) / min(numbers) >= MIN_LOG_RATIO
    return "log" if wide else "linear", sorted(points)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """Return lists and objects as text, so that values can be compared."""
    return json.dumps(value) if isinstance(value, list | dict) else value
