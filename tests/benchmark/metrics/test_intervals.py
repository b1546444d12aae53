"""The interval of a mean covers the true mean as often as it says, also for few, skewed and dependent images."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from mia_bench.benchmark.metrics import interval
from mia_bench.benchmark.metrics.intervals import MIN_SOURCES, intervals, p_value

Draw = Callable[[np.random.Generator, int], np.ndarray]
SKEWED: dict[str, tuple[Draw, float]] = {
    "lognormal": (lambda rng, count: rng.lognormal(0, 0.5, count), math.exp(0.125)),
    "exponential": (lambda rng, count: rng.exponential(1, count), 1.0),
    "SSIM near 0": (lambda rng, count: rng.beta(1, 6, count), 1 / 7),
    "SSIM near 1": (lambda rng, count: rng.beta(8, 1, count), 8 / 9),
    "PSNR": (lambda rng, count: rng.normal(20, 3, count), 20.0),
}
"""Distributions like those of scores, with their means."""
SAMPLES = 1500


def covers_zero(low: float | None, high: float | None) -> bool:
    return low is None or high is None or low <= 0 <= high


@pytest.mark.parametrize(("draw", "mean"), SKEWED.values(), ids=SKEWED)
def test_the_interval_covers_the_mean_of_few_and_of_many_images(draw: Draw, mean: float) -> None:
    rng = np.random.default_rng(0)
    for count in (2, 3, 5, 8, 16, 64, 200):
        covered = 0
        for _ in range(SAMPLES):
            low, high = interval(torch.from_numpy(draw(rng, count)))
            covered += low is None or high is None or low <= mean <= high
        assert covered / SAMPLES > 0.91, count  # 0.925 to 0.97 measured on 20,000 samples; the standard error is 0.007


@pytest.mark.parametrize("sizes", [[10] * 7, [3] * 20, [1, 2, 3, 4, 5] * 6, [6, 8, 10, 12, 14, 16]], ids=str)
def test_the_interval_covers_the_mean_of_images_that_share_sources(sizes: list[int]) -> None:
    rng, owner = np.random.default_rng(1), np.repeat(np.arange(len(sizes)), sizes)
    with_sources = without = 0
    for _ in range(SAMPLES):
        values = torch.from_numpy(rng.normal(0, 1, len(sizes))[owner] + rng.normal(0, 1, len(owner)))
        with_sources += covers_zero(*interval(values, sources=owner.tolist()))
        without += covers_zero(*interval(values))

    assert with_sources / SAMPLES > 0.92
    assert without / SAMPLES < 0.9


def test_the_interval_of_symmetric_values_is_students() -> None:
    # mean 3, standard error sqrt(2.5 / 5), and the quantile of Student's t with 4 degrees of freedom is 2.776
    low, high = interval(torch.tensor([1.0, 2, 3, 4, 5]))

    assert (low, high) == pytest.approx((3 - 2.776 * 0.5**0.5, 3 + 2.776 * 0.5**0.5), abs=1e-3)


def test_the_interval_reaches_farther_where_the_values_do() -> None:
    values = torch.tensor([1.0, 1, 1, 2, 2, 3, 9])
    low, high = interval(values)

    assert low is not None
    assert high is not None
    assert high - values.mean().item() > 1.3 * (values.mean().item() - low)
    assert interval(-values) == pytest.approx((-high, -low))


def test_sources_of_equal_size_count_as_their_means() -> None:
    means = torch.tensor([10.0, 12.0, 17.0, 11.0])
    values = torch.cat([means - 1, means, means + 1])

    assert interval(values, sources=[7, 3, 5, 1] * 3) == pytest.approx(interval(means))
    assert p_value(values, sources=[7, 3, 5, 1] * 3) == pytest.approx(p_value(means))
    assert interval(values, sources=range(12)) == pytest.approx(interval(values))


@pytest.mark.parametrize("sources", [None, [0, 0, 1, 1, 2, 3, 4, 4]])
def test_many_samples_have_the_intervals_of_each(sources: list[int] | None) -> None:
    samples = np.random.default_rng(2).lognormal(0, 1, (50, 8))
    samples[7], samples[8, 2], samples[9, 3] = 33.1, math.nan, math.inf

    lows, highs = intervals(samples, sources=sources)

    ends = [tuple(None if math.isnan(end) else end for end in pair) for pair in zip(lows, highs, strict=True)]
    assert ends == [interval(each, sources=sources) for each in samples]
    assert ends[8] == ends[9] == (None, None)


def test_the_interval_ends_where_no_image_can_be() -> None:
    values = torch.tensor([100.0, 100, 100, 60])

    assert interval(values)[1] is not None
    assert interval(values, within=(0, 100))[1] == 100


def test_fewer_images_or_sources_than_three_have_no_interval() -> None:
    for count in range(MIN_SOURCES):
        assert interval(torch.arange(float(count))) == (None, None)
        assert p_value(torch.arange(float(count))) is None
    assert interval(torch.arange(6.0), sources=[1, 1, 1, 0, 0, 0]) == (None, None)
    assert interval(torch.tensor([1.0, 2.0, math.nan])) == (None, None)


def test_equal_values_have_an_interval_of_width_zero() -> None:
    assert interval(torch.full((5,), 100.0)) == (100, 100)
    assert interval(torch.full((5,), 33.1), sources=[0, 0, 1, 2, 2]) == pytest.approx((33.1, 33.1), abs=1e-5)
    assert p_value(torch.zeros(5)) == 1
    assert p_value(torch.full((5,), 0.5)) == 0


def test_values_without_a_source_each_are_refused() -> None:
    with pytest.raises(ValueError, match="Expected one source for each of 5 values, got 3"):
        interval(torch.arange(5.0), sources=[1, 2, 3])


def test_sources_that_no_float_tells_apart_are_sources() -> None:
    values, sources = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2**60 + place // 2 for place in range(6)]

    expected = interval(values, sources=[0, 0, 1, 1, 2, 2])
    assert expected[0] is not None
    assert interval(values, sources=sources) == interval(values, sources=torch.tensor(sources)) == expected
