"""Whether two means differ by more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, cast

import numpy as np
import torch
from scipy.stats import norm, wilcoxon

from ..metrics import interval

WIDTH = float(2 * norm.ppf(0.975))
"""Width of a 95 % interval in standard errors."""
LEVEL = 0.05
"""A p-value below this is called more than chance."""


def paired(before: Sequence[float], after: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Compare the values of the same images, image by image.

    The test is Wilcoxon's signed-rank test: it assumes of the differences only that they are symmetric about their
    center, and single images that come out far better or worse do not decide it.

    Args:
        before: (N,).
        after: (N,), of the same images in the same order.

    Returns:
        The 95 % bootstrap interval of the mean difference (None, None for one image), and the two-sided p-value, None
        if no image differs: then there is nothing to test.

    Source: Wilcoxon 1945; scipy.stats.wilcoxon, which leaves images without a difference out.
    """
    change = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    if not change.any():
        return 0.0, 0.0, None
    low, high = interval(torch.from_numpy(change))
    return low, high, float(cast(Any, wilcoxon(change)).pvalue)


def unpaired(
    change: float, before: tuple[float, float], after: tuple[float, float]
) -> tuple[float | None, float | None, float | None]:
    """Compare two means by their 95 % intervals, as if their images were drawn apart.

    On the same images, whose values go together, this is cautious: the true p-value is lower.

    Args:
        change: the difference of the means.
        before: the 95 % interval (low, high) of the first.
        after: that of the second.

    Returns:
        The 95 % interval of the difference, and the two-sided p-value by the normal distribution, None if neither
        interval has a width.
    """
    error = sqrt((before[1] - before[0]) ** 2 + (after[1] - after[0]) ** 2) / WIDTH
    if error == 0:
        return None, None, None
    return change - error * WIDTH / 2, change + error * WIDTH / 2, float(2 * norm.sf(abs(change) / error))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of any false alarm among all of them stays below the level.

    Neither scipy nor another dependency has this, which is six lines; scipy's ``false_discovery_control`` answers
    another question. It holds however the tests depend on each other, as PSNR and SSIM of a cell do.

    Args:
        p_values: of all tests, in any order.

    Returns:
        Adjusted p-values in the same order, at most 1.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
