"""The Pareto front of points that are measured with uncertainty."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .intervals import intervals

RELATIVE_TOLERANCE = 1e-6
"""Values whose relative difference is smaller count as equal: outputs of networks are rounded to float32."""


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
    quantities = sorted(map(_Quantity, zip(*points, strict=True)), key=lambda each: len(each.groups))
    with np.errstate(invalid="ignore", over="ignore"):
        return [_rivals(quantities, position) for position in range(len(points))]


def surely_less(one: Estimate, other: Estimate) -> bool:
    """Return whether the 95 % interval of the difference of two estimates lies below 0.

    If both estimates have values of the same images, the interval is that of the differences of each image. Otherwise
    it follows from the two intervals; for accuracies with Wilson's intervals, this is Newcombe's hybrid score interval.
    It assumes that the two estimates are independent, which makes it too wide for values of the same images.

    Source: Newcombe, Statistics in Medicine 17 (1998) 873, method 10; Zou, Donner, Statistics in Medicine 27 (2008)
    1693, for other estimates.
    """
    return bool(_Quantity([one, other]).surely_less(np.array([0]), 1)[0])


def _rivals(quantities: Sequence[_Quantity], position: int) -> list[int]:
    """Return the points that dominate one. Intervals are computed only for those whose values are better."""
    equal, less = (np.array(each) for each in zip(*(each.compare(position) for each in quantities), strict=True))
    rivals = np.flatnonzero((equal | less).all(axis=0) & ~equal.all(axis=0))
    for quantity, same in zip(quantities, equal, strict=True):  # those without values of images come first: faster
        sure = same[rivals]
        sure[~sure] = quantity.surely_less(rivals[~sure], position)
        rivals = rivals[sure]
    return rivals.tolist()


@dataclass(frozen=True)
class _SameImages:
    """Those of P estimates, G, that have values of the same N images, in the same order and of the same sources."""

    images: tuple[int, ...]
    sources: tuple[int, ...]
    positions: NDArray[np.intp]  # (G,), in increasing order
    values: NDArray[np.float64]  # (G, N)

    def surely_less(self, ones: NDArray[np.intp], other: Estimate) -> NDArray[np.bool]:
        """Return whether each of these estimates is surely less than another one of the same images."""
        values = self.values[np.searchsorted(self.positions, ones)]
        differences = values - [other.by_image[image] for image in self.images]
        return intervals(differences, sources=self.sources or None)[1] < 0


class _Quantity:
    """P estimates of one quantity as arrays, so that one of them is compared with many at once."""

    def __init__(self, estimates: Sequence[Estimate]) -> None:
        self.estimates = estimates
        ends = [(each.value, each.low, each.high) for each in estimates]
        self.values, self.lows, self.highs = np.array(ends, dtype=np.float64).T  # (P,) each, NaN for None
        members: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = defaultdict(list)
        for position, each in enumerate(estimates):
            if each.by_image:
                members[tuple(each.by_image), tuple(each.sources)].append(position)
        self.groups: dict[frozenset[int], list[_SameImages]] = defaultdict(list)
        for (images, sources), positions in members.items():
            values = np.array([[*estimates[position].by_image.values()] for position in positions])
            self.groups[frozenset(images)].append(_SameImages(images, sources, np.array(positions), values))

    def compare(self, position: int) -> tuple[NDArray[np.bool], NDArray[np.bool]]:
        """Return which values equal one of them, up to the tolerance, and which are less, (P,) each."""
        value = self.values[position]
        gaps, largest = np.abs(self.values - value), np.maximum(np.abs(self.values), abs(value))
        close = np.isfinite(gaps) & (gaps <= RELATIVE_TOLERANCE * largest)
        return close | (self.values == value), self.values < value

    def surely_less(self, ones: NDArray[np.intp], position: int) -> NDArray[np.bool]:
        """Return which of R of the estimates are surely less than another one, (R,)."""
        other, value = self.estimates[position], self.values[position]
        above, below = self.highs[ones] - self.values[ones], value - self.lows[position]
        sure = self.values[ones] - value + np.hypot(above, below) < 0
        for group in self.groups.get(frozenset(other.by_image), ()):
            within = np.isin(ones, group.positions)
            sure[within] = group.surely_less(ones[within], other)
        return sure
