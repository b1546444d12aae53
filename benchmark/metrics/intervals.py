"""How sure a mean over images is: its confidence interval, and the test that belongs to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtr, stdtrit

if TYPE_CHECKING:
    from torch import Tensor

LEVEL = 0.95
"""Confidence of the intervals."""
NORMAL_QUANTILE = float(ndtri((1 + LEVEL) / 2))
"""Half the width of a normal distribution's interval, in standard errors: 1.96."""
FEWEST = 3
"""Independent images, or sources of images, below which there is no interval: the skewness of two values is unknown."""
Interval = tuple[float, float] | tuple[None, None]
"""Lower and upper end; None twice where there is no interval."""


def interval(
    values: ArrayLike | Tensor,
    *,
    sources: Sequence[int] | Tensor | None = None,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Interval:
    """The 95 % confidence interval of the mean over images.

    It spans Student's interval and Willink's, which corrects Student's for skewness. Measured by simulation, it covers
    the true mean in 94 to 97 % of the samples of 5 to 200 normal, exponential or beta-distributed values, and in 90 to
    95 % of very skewed ones (log-normal, sigma 1). No interval holds if the sample misses what decides the mean, such
    as one image in twenty at 100 dB.

    Args:
        values: one for each image, (N,).
        sources: the source of each image, (N,), as the photograph that a patch was cut from. Images of one source are
            not independent: the interval is then that of the jackknife over sources. None if each image is one.
        within: the smallest and the largest value that an image can have; the interval ends there.

    Returns:
        Lower and upper end; None for both with fewer than ``FEWEST`` images, or sources, or values that are not finite.
        Values that are all equal have an interval of width zero.

    Raises:
        ValueError: if there are not as many sources as values.

    Source: Willink, Communications in Statistics: Theory and Methods 34 (2005) 753; jackknife over clusters: MacKinnon,
    Nielsen, Webb, Journal of Econometrics 232 (2023) 272, CV3.
    """
    found = _estimate(values, sources)
    if found is None:
        return None, None
    point = float(stdtrit(found.freedom, (1 + LEVEL) / 2))
    below = max(point, _shifted(point, found.shift)) * found.error
    above = max(point, -_shifted(-point, found.shift)) * found.error
    low, high = (min(max(end, within[0]), within[1]) for end in (found.mean - below, found.mean + above))
    return low, high


def p_value(values: ArrayLike | Tensor, *, sources: Sequence[int] | Tensor | None = None) -> float | None:
    """The two-sided p-value of the hypothesis that the mean is 0; below 0.05 exactly if ``interval`` excludes 0.

    Args:
        values: one for each image, (N,), such as differences.
        sources: as for ``interval``.

    Returns:
        The larger of the p-values by Student's test and by Willink's; None where there is no interval.
    """
    found = _estimate(values, sources)
    if found is None:
        return None
    if found.error == 0:
        return float(found.mean == 0)
    ratio = found.mean / found.error
    return max(float(2 * stdtr(found.freedom, -abs(each))) for each in (ratio, _unshifted(ratio, found.shift)))


@dataclass(frozen=True)
class _Estimate:
    """A mean, its standard error and degrees of freedom, and the shift by skewness: skewness / (6 sqrt(n))."""

    mean: float
    error: float
    freedom: int
    shift: float


def _estimate(values: ArrayLike | Tensor, sources: Sequence[int] | Tensor | None) -> _Estimate | None:
    sample = np.asarray(_on_cpu(values), dtype=np.float64)
    units = _units(sample, sources)
    count = len(units)
    if count < FEWEST or not np.isfinite(units).all():
        return None
    mean, gaps = sample.mean(), units - units.mean()
    scale = float(np.abs(gaps).max()) or 1.0  # so that no square overflows
    deviation = scale * math.sqrt(((gaps / scale) ** 2).sum() / (count - 1))
    if deviation <= 1e-12 * abs(mean):  # rounding
        return _Estimate(float(mean), 0.0, count - 1, 0.0)
    third = count * ((gaps / deviation) ** 3).sum() / ((count - 1) * (count - 2))
    return _Estimate(float(mean), deviation / math.sqrt(count), count - 1, float(third) / (6 * math.sqrt(count)))


def _on_cpu(values: ArrayLike | Tensor) -> ArrayLike:
    """Return values as numpy can read them: a tensor may be on a GPU and may have a gradient."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else values  # pyright: ignore[reportAttributeAccessIssue]


def _units(sample: NDArray[np.float64], sources: Sequence[int] | Tensor | None) -> NDArray[np.float64]:
    """Independent values with about the same mean: those of the images, or the jackknife's, one for each source."""
    if sources is None:
        return sample
    if len(sources) != len(sample):
        raise ValueError(f"expected one source for each of {len(sample)} values, got {len(sources)}")
    _, owner = np.unique(np.asarray(_on_cpu(sources)), return_inverse=True)
    sizes, sums = np.bincount(owner), np.bincount(owner, weights=sample).astype(np.float64)
    count = len(sizes)
    if count < FEWEST:
        return sums  # too few in any case
    without = (sums.sum() - sums) / (len(sample) - sizes)  # the mean of all other sources
    return count * sample.mean() - (count - 1) * without


def _shifted(point: float, shift: float) -> float:
    """Willink's G: the quantile of Student's ratio for skewed values from that for symmetric ones."""
    if abs(shift) < 1e-6:
        return point
    return (math.cbrt(1 + 6 * shift * (point - shift)) - 1) / (2 * shift)


def _unshifted(ratio: float, shift: float) -> float:
    """The inverse of ``_shifted``."""
    if abs(shift) < 1e-6:
        return ratio
    return ((1 + 2 * shift * ratio) ** 3 - 1) / (6 * shift) + shift
