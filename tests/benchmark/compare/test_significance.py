"""Tests of differences: about the mean that is printed, against scipy, a normal table and hand examples."""

from collections.abc import Callable

import numpy as np
import pytest
from mia_bench.benchmark.compare.significance import SIGNIFICANCE_LEVEL, holm, paired, unpaired
from scipy.stats import ttest_1samp, wilcoxon

Differences = Callable[[np.random.Generator, int], np.ndarray]
DIFFERENCES: dict[str, Differences] = {
    "normal": lambda rng, count: rng.normal(0.4, 1, count),
    "skewed to the right": lambda rng, count: rng.exponential(1, count) - 0.7,
    "skewed to the left": lambda rng, count: 0.8 - rng.exponential(1, count),
    "mostly zero": lambda rng, count: np.where(rng.random(count) < 0.7, 0, rng.normal(1, 1, count)),
    "one outlier": lambda rng, count: np.append(rng.normal(0.3, 0.2, count - 1), -5),
}


@pytest.mark.parametrize("count", [3, 4, 8, 16, 64])
@pytest.mark.parametrize("draw", DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_change_is_significant_exactly_if_its_interval_excludes_zero(draw: Differences, count: int) -> None:
    rng = np.random.default_rng(count)
    found = set()
    for sources in (None, rng.integers(0, 6, count).tolist()) * 40:
        before = rng.normal(20, 3, count)
        low, high, p = paired(before.tolist(), (before + draw(rng, count)).tolist(), sources=sources)
        found.add(p is not None and p < SIGNIFICANCE_LEVEL)
        excludes_zero = low is not None and high is not None and (low > 0 or high < 0)
        assert (p is not None and p < SIGNIFICANCE_LEVEL) == excludes_zero
    assert False in found


def test_skewed_differences_are_tested_about_their_mean() -> None:
    # 30 of 32 images are a little better and two far worse: the mean change is 0, whatever the signs and ranks say.
    change = [0.2] * 30 + [-3.0] * 2

    low, high, p = paired([0.0] * 32, change)

    assert wilcoxon(change).pvalue < 0.001
    assert low is not None
    assert high is not None
    assert p is not None
    assert low < 0 < high
    assert p > 0.9


def test_the_paired_test_of_symmetric_differences_is_students() -> None:
    change = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]

    low, high, p = paired([0.0] * 6, change)

    expected = ttest_1samp(change, 0)
    assert p == pytest.approx(expected.pvalue)
    assert (low, high) == pytest.approx(tuple(expected.confidence_interval()))


def test_images_that_do_not_differ_leave_nothing_to_test() -> None:
    assert paired([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) == (0.0, 0.0, None)


def test_two_images_and_two_sources_are_too_few_for_a_test() -> None:
    assert paired([1.0, 5.0], [2.0, 5.5]) == (None, None, None)
    assert paired([1.0, 5.0, 2.0, 3.0], [2.0, 5.5, 7.0, 3.0], sources=[4, 4, 4, 9]) == (None, None, None)


def test_intervals_of_two_means_give_the_normal_test() -> None:
    # standard errors 3 and 4 give 5; a change of 9.8 is 1.96 of them
    low, high, p = unpaired((10, 19.8), (10 - 5.88, 10 + 5.88), (19.8 - 7.84, 19.8 + 7.84))

    assert p == pytest.approx(0.05, abs=1e-4)
    assert low == pytest.approx(0, abs=1e-9)
    assert high == pytest.approx(19.6)
    assert unpaired((2.0, 3.0), (2.0, 2.0), (3.0, 3.0)) == (None, None, None)


def test_asymmetric_intervals_count_on_the_side_of_zero() -> None:
    # towards 0 the ends are 3 and 4 away, which is 5 together; the change of 6 exceeds that, so it is significant
    for means, before, after in (((10, 16), (0, 13), (12, 90)), ((16, 10), (12, 90), (0, 13))):
        low, high, p = unpaired(means, before, after)

        assert low is not None
        assert high is not None
        assert p is not None
        assert min(abs(low), abs(high)) == pytest.approx(1)
        assert p < SIGNIFICANCE_LEVEL


def test_holm_by_hand() -> None:
    # sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 is 0.02, 0.03, 0.06, 0.04, of which the running maximum is taken
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
