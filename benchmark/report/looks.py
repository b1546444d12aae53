"""Give each defense a color and a mark that no other defense of the report has."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..plan.references import REFERENCE_DEFENSE

Polygon = list[tuple[float, float]]

TUNED = (
    *(("#1f6fb5", "#6cb2f0"), ("#b25900", "#f0a050"), ("#19794a", "#5fcf93"), ("#7448ba", "#b99df2")),
    *(("#bf352b", "#f48d83"), ("#0c7580", "#55c9d2"), ("#835524", "#d3ab7b"), ("#af2f79", "#f18dc1")),
)
"""Colors on light and on dark paper, for boards of few defenses."""
INK = ("#1b1d20", "#eceef0")
LIGHTNESS = ((0.42, 0.84), (0.53, 0.75), (0.62, 0.66))
"""Lightness (OKLCH) on light and on dark paper, in turn, so that neighboring hues differ in lightness as well."""
CHROMA = 0.15


@dataclass(frozen=True)
class Look:
    """The color and the mark of a defense.

    Attributes:
        light: The color on light paper.
        dark: The color on dark paper.
        mark: The position of its mark among ``MARKS``.

    Example:
        >>> looks(["topk"])["topk"].mark
        1
    """

    light: str
    dark: str
    mark: int


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Return the look of each defense, by its name.

    Up to eight defenses get colors that were chosen by hand. For more, hues are equally spaced.

    Args:
        names: The names of the defenses. The undefended network is a star in the color of the text.
    """
    others = sorted(set(names) - {REFERENCE_DEFENSE})
    count = len(others)
    colors = TUNED if count <= len(TUNED) else tuple(_spaced(index, count) for index in range(count))
    found = {name: Look(*colors[index], mark=1 + index % (len(MARKS) - 1)) for index, name in enumerate(others)}
    return {REFERENCE_DEFENSE: Look(*INK, mark=0), **found}


def _spaced(index: int, count: int) -> tuple[str, str]:
    light, dark = LIGHTNESS[index % len(LIGHTNESS)]
    hue = 360 * index / count
    return _hex(light, hue), _hex(dark, hue)


def _hex(lightness: float, hue: float) -> str:
    """Return a color of OKLCH (Ottosson 2020) as sRGB, with as much of ``CHROMA`` as sRGB has."""
    chroma = CHROMA
    while max(abs(value - min(1.0, max(0.0, value))) for value in _linear(lightness, chroma, hue)) > 1e-4:
        chroma -= 0.005
    return "#" + "".join(
        f"{round(255 * _gamma(min(1.0, max(0.0, each)))):02x}" for each in _linear(lightness, chroma, hue)
    )


def _linear(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _regular(sides: int, turn: float, radius: float = 1.0, inner: float | None = None) -> Polygon:
    """Return a regular polygon, or a star with an inner radius, whose first corner is turned from the top."""
    radii = [radius] if inner is None else [radius, inner]
    count = sides * len(radii)
    angles = [math.radians(turn + 360 * index / count) for index in range(count)]
    return [
        (round(radii[index % len(radii)] * math.sin(angle), 3), round(radii[index % len(radii)] * math.cos(angle), 3))
        for index, angle in enumerate(angles)
    ]


def _turned(polygon: Polygon, degrees: float) -> Polygon:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(round(x * cos - y * sin, 3), round(x * sin + y * cos, 3)) for x, y in polygon]


_CROSS: Polygon = [(-0.35, 1), (0.35, 1), (0.35, 0.35), (1, 0.35), (1, -0.35), (0.35, -0.35)]
_CROSS = [*_CROSS, *((-x, -y) for x, y in _CROSS)]
_ARROW: Polygon = [(0, 1), (0.95, 0), (0.4, 0), (0.4, -0.9), (-0.4, -0.9), (-0.4, 0), (-0.95, 0)]
MARKS: tuple[Polygon, ...] = (
    _regular(5, 0, 1.35, 0.55),  # the star of the undefended network
    _regular(24, 0, 0.9),
    _regular(4, 45, 1.1),
    _regular(3, 0, 1.1),
    _regular(4, 0, 1.1),
    _CROSS,
    _regular(3, 180, 1.1),
    _turned(_CROSS, 45),
    [(-1, 0.4), (1, 0.4), (1, -0.4), (-1, -0.4)],
    _regular(3, 90, 1.1),
    [(-0.4, 1), (0.4, 1), (0.4, -1), (-0.4, -1)],
    _regular(5, 180, 1.0),
    _regular(4, 0, 1.25, 0.4),
    _regular(3, -90, 1.1),
    [(-0.95, 0.95), (0.95, 0.95), (-0.95, -0.95), (0.95, -0.95)],  # an hourglass
    _ARROW,
    _regular(6, 0, 1.15, 0.55),
    [(-0.95, 0.95), (-0.95, -0.95), (0.95, 0.95), (0.95, -0.95)],  # a bow tie
    _turned(_ARROW, 180),
    _regular(3, 0, 1.25, 0.35),
    [(-0.9, 0.9), (0.2, 0.9), (0.2, -0.2), (0.9, -0.2), (0.9, -0.9), (-0.9, -0.9)],  # an L
)
"""Corners of the marks, x to the right and y up, each about 1 from the center."""
