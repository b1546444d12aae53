"""Tests of differences, against scipy called on its own, a normal table and a hand example."""

import numpy as np
import pytest
from mia_bench.benchmark.compare.significance import holm, paired, unpaired
from scipy.stats import wilcoxon


def test_the_paired_test_is_wilcoxons_and_the_interval_holds_the_mean() -> None:
    rng = np.random.default_rng(0)
    before, shift = rng.normal(20, 3, 32), rng.normal(0.4, 1, 32)

    low, high, p = paired(before.tolist(), (before + shift).tolist())

    assert p == pytest.approx(wilcoxon(before + shift, before).pvalue)
    assert low is not None
    assert high is not None
    assert low < shift.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * shift.std() / 32**0.5, rel=0.15)


def test_signed_ranks_by_hand() -> None:
    # differences 1, 2, 3, 4, -5: the negative rank is 5; 10 of the 32 sign patterns have a rank sum of at most 5
    _, _, p = paired([0.0] * 5, [1.0, 2.0, 3.0, 4.0, -5.0])

    assert p == pytest.approx(2 * 10 / 32)


def test_images_that_do_not_differ_leave_nothing_to_test() -> None:
    assert paired([1.0, 2.0], [1.0, 2.0]) == (0.0, 0.0, None)
    assert paired([1.0], [2.0]) == (None, None, 1.0)


def test_intervals_of_two_means_give_the_normal_test() -> None:
    # standard errors 3 and 4 give 5; a change of 9.8 is 1.96 of them
    low, high, p = unpaired(9.8, (10 - 5.88, 10 + 5.88), (19.8 - 7.84, 19.8 + 7.84))

    assert p == pytest.approx(0.05, abs=1e-4)
    assert low == pytest.approx(0, abs=1e-9)
    assert high == pytest.approx(19.6)
    assert unpaired(1.0, (2.0, 2.0), (3.0, 3.0)) == (None, None, None)


def test_holm_by_hand() -> None:
    # sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 is 0.02, 0.03, 0.06, 0.04, of which the running maximum is taken
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
