"""The Pareto front of points that are measured with uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .intervals import interval

RELATIVE_TOLERANCE = 1e-9
"""Values whose relative difference is smaller count as equal."""


@dataclass(frozen=True)
class Estimate:
    """A value that was measured on a sample.

    Attributes:
        value: The estimate itself.
        low: Lower end of its 95 % interval, or None if there is no interval.
        high: Upper end of its 95 % interval, or None.
        by_image: The value of each image, if known. Two estimates with the same images are compared image by image.
        sources: The source of each image. Images of one source are not independent.

    Example:
        >>> surely_less(Estimate(12.0, low=11.0, high=13.0), Estimate(18.0, low=17.0, high=19.0))
        True
    """

    value: float
    low: float | None = None
    high: float | None = None
    by_image: Mapping[int, float] = field(default_factory=dict)
    sources: Sequence[int] = ()

    @classmethod
    def exactly(cls, value: float) -> Estimate:
        """Return a value that is not measured on a sample, such as one that is computed."""
        return cls(value, low=value, high=value)


Point = tuple[Estimate, ...]
"""Estimates of some quantities, the same ones for all points. Smaller is better in each."""


def beaten_by(points: Sequence[Point]) -> list[list[int]]:
    """Return, for each point, the points that dominate it. Points that none dominates are the Pareto front.

    A point dominates another if it is at least as good in all quantities and better in one, and if each difference
    between the two is outside its 95 % interval. A difference without an interval, or inside it, may be due to chance,
    so the point does not dominate.

    Args:
        points: Estimates of which smaller is better, such as PSNR and lost accuracy.

    Returns:
        For each point, the positions of the points that dominate it.

    Example:
        >>> exactly = Estimate.exactly
        >>> beaten_by([(exactly(12), exactly(0.1)), (exactly(18), exactly(0.2))])
        [[], [0]]
    """
    return [[index for index, other in enumerate(points) if _beats(other, point)] for point in points]


def _beats(one: Point, other: Point) -> bool:
    differing = [
        (a, b)
        for a, b in zip(one, other, strict=True)
        if not math.isclose(a.value, b.value, rel_tol=RELATIVE_TOLERANCE)
    ]
    if not differing or any(a.value > b.value for a, b in differing):
        return False
    differing.sort(key=lambda pair: len(pair[0].by_image or ()))  # those without values of images are fast to compare
    return all(surely_less(a, b) for a, b in differing)


def surely_less(one: Estimate, other: Estimate) -> bool:
    """Return whether the 95 % interval of the difference of two estimates lies below 0.

    If both estimates have values of the same images, the interval is that of the differences of each image. Otherwise
    it follows from the two intervals; for accuracies with Wilson's intervals, this is Newcombe's hybrid score interval.
    It assumes that the two estimates are independent, which makes it too wide for values of the same images.

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
