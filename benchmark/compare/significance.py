"""Test whether two means differ significantly."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

import numpy as np
from scipy.special import ndtr

from ..metrics.intervals import NORMAL_QUANTILE, interval, p_value

SIGNIFICANCE_LEVEL = 0.05
"""A change with a smaller p-value is significant."""


def paired(
    before: Sequence[float], after: Sequence[float], *, sources: Sequence[int] | None = None
) -> tuple[float | None, float | None, float | None]:
    """Compare the mean scores of the same images by the differences of each image.

    The test inverts the interval: the p-value is below 0.05 exactly if the interval of the mean difference excludes 0.

    Args:
        before: Scores before, (N,).
        after: Scores after, (N,), of the same images in the same order.
        sources: The source of each image, (N,), where images of one source are not independent.

    Returns:
        The 95 % interval of the mean difference, and the two-sided p-value. All are None if there are too few images or
        sources. The p-value is None if no image differs, as there is nothing to test.

    Example:
        >>> paired([20.0, 21.0, 22.0], [20.0, 21.0, 22.0])
        (0.0, 0.0, None)
    """
    change = np.array(after, dtype=np.float64) - np.array(before, dtype=np.float64)
    if not change.any():
        return 0.0, 0.0, None
    low, high = interval(change, sources=sources)
    return low, high, p_value(change, sources=sources)


def unpaired(
    means: tuple[float, float], before: tuple[float, float], after: tuple[float, float]
) -> tuple[float, float, float] | tuple[None, None, None]:
    """Compare two means by their 95 % intervals, as if their images were drawn independently.

    On the same images, whose scores are correlated, this is conservative: the true p-value is lower.

    Args:
        means: The first mean and the second.
        before: The 95 % interval (low, high) of the first.
        after: The 95 % interval (low, high) of the second.

    Returns:
        The 95 % interval of the difference, and the two-sided p-value by the normal distribution, which is below 0.05
        exactly if the interval excludes 0. All are None if neither interval has a width.

    Example:
        >>> low, high, p = unpaired((20.0, 22.0), (19.0, 21.0), (21.0, 23.0))
        >>> round(low, 3), round(high, 3), round(p, 4)
        (0.586, 3.414, 0.0056)

    Source: Zou & Donner, Statistics in Medicine 27 (2008) 1693, equation 4, for intervals that are not symmetric.
    """
    change = means[1] - means[0]
    below = hypot(means[1] - after[0], before[1] - means[0])
    above = hypot(after[1] - means[1], means[0] - before[0])
    toward_zero = below if change > 0 else above
    if not (below and above):
        return None, None, None
    return change - below, change + above, float(2 * ndtr(-NORMAL_QUANTILE * abs(change) / toward_zero))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of any false alarm among all of them stays below the level.

    Neither scipy nor another dependency has this method; scipy's ``false_discovery_control`` controls another rate.
    It holds for dependent tests, such as those of PSNR and SSIM of one cell.

    Args:
        p_values: Of all tests, in any order.

    Returns:
        Adjusted p-values in the same order, at most 1.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".

    Example:
        >>> holm([0.01, 0.5])
        [0.02, 0.5]
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
