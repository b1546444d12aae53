"""The Pareto front: what nothing else surely beats in two respects at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .intervals import interval

EQUAL = 1e-9
"""Relative difference of values that are the same but for rounding."""


@dataclass(frozen=True)
class Estimate:
    """A value that was measured on a sample.

    Attributes:
        value: the estimate itself.
        low: lower end of its 95 % interval; None if there is none.
        high: upper end.
        by_image: the value of each image, where it is known; two estimates are then compared image by image.
        sources: of each image, where images of one source are not independent.
    """

    value: float
    low: float | None = None
    high: float | None = None
    by_image: Mapping[int, float] = field(default_factory=dict)
    sources: Sequence[int] = ()


Point = tuple[Estimate, Estimate]
"""What is lost in two respects: of both, less is better."""


def beaten_by(points: Sequence[Point]) -> list[list[int]]:
    """For each point, which others beat it; those that none beats are the Pareto front.

    A point beats another if it is at least as good in both respects and better in one, and if each difference between
    the two is beyond its own 95 % interval. A difference without an interval, or inside it, may be chance, and decides
    nothing.

    Args:
        points: pairs of estimates of which less is better, such as PSNR and lost accuracy.

    Returns:
        The positions of the points that beat each point.
    """
    return [[index for index, other in enumerate(points) if _beats(other, point)] for point in points]


def _beats(one: Point, other: Point) -> bool:
    differing = [(a, b) for a, b in zip(one, other, strict=True) if not math.isclose(a.value, b.value, rel_tol=EQUAL)]
    if not differing or any(a.value > b.value for a, b in differing):
        return False
    return all(surely_less(a, b) for a, b in differing)


def surely_less(one: Estimate, other: Estimate) -> bool:
    """Whether the 95 % interval of the difference of two estimates lies below 0.

    Image by image where both have values of the same images. Elsewhere the interval of the difference follows from
    those of both; for accuracies with Wilson's intervals this is Newcombe's hybrid score interval. It takes the two for
    independent, which makes it too wide for values of the same images.

    Source: Newcombe, Statistics in Medicine 17 (1998) 873, method 10; Zou, Donner, Statistics in Medicine 27 (2008)
    1693, for other estimates.
    """
    if one.by_image and one.by_image.keys() == other.by_image.keys():
        differences = [one.by_image[image] - other.by_image[image] for image in one.by_image]
        _, high = interval(differences, sources=one.sources or None)
        return high is not None and high < 0
    if one.high is None or other.low is None:
        return False
    return one.value - other.value + math.hypot(one.high - one.value, other.value - other.low) < 0
