"""Odd values for the statistics: intervals, tests and scores are finite, ordered, or none."""

import math

import pytest
import torch
from mia_bench.benchmark.compare.significance import paired
from mia_bench.benchmark.evaluation.scoring import compare_classmates, identified_chance
from mia_bench.benchmark.interfaces import ImageSet
from mia_bench.benchmark.metrics import interval, psnr, ssim
from mia_bench.benchmark.metrics.intervals import p_value
from mia_bench.benchmark.metrics.leakage import identified, leak_r2, wrong_image_psnr
from torch import Tensor

VALUES: dict[str, tuple[list[float], list[int] | None]] = {
    "no image": ([], None),
    "one image": ([20.0], None),
    "two images": ([20.0, 30.0], None),
    "equal values": ([33.1] * 9, None),
    "all at the ceiling": ([100.0] * 64, None),
    "all but one at the ceiling": ([100.0] * 63 + [8.0], None),
    "all zero": ([0.0] * 8, None),
    "tiny differences": ([1.0, 1.0 + 1e-15, 1.0, 1.0 - 1e-15], None),
    "huge values": ([1e300, -1e300, 1e299, 0.0], None),
    "tiny values": ([1e-300, 2e-300, -1e-300, 0.0], None),
    "an outlier": ([1.0] * 30 + [1e12], None),
    "not a number": ([1.0, 2.0, math.nan, 3.0], None),
    "infinite": ([1.0, 2.0, math.inf, 3.0], None),
    "one source": ([1.0, 2.0, 3.0, 4.0], [7, 7, 7, 7]),
    "two sources": ([1.0, 2.0, 3.0, 4.0], [7, 7, 8, 8]),
    "sources of unequal size": ([1.0, 2.0, 3.0, *[4.0 + 0.1 * at for at in range(40)]], [1, 2, 3, *[4] * 40]),
    "a source for each image": ([1.0, 2.0, 3.0, 5.0], [-5, 9, 2**40, 0]),
    "equal values of sources": ([33.1] * 9, [1, 1, 1, 1, 1, 2, 2, 3, 4]),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("values", "sources"), VALUES.values(), ids=VALUES)
def test_odd_values_have_an_interval_around_their_mean_or_none(values: list[float], sources: list[int] | None) -> None:
    sample = torch.tensor(values, dtype=torch.float64)

    low, high = interval(sample, sources=sources)
    p = p_value(sample, sources=sources)

    assert (low is None) == (high is None) == (p is None)
    if low is not None and high is not None and p is not None:
        mean = sample.mean().item()
        slack = 1e-12 * abs(mean)
        assert low - slack <= mean <= high + slack
        assert math.isfinite(low)
        assert math.isfinite(high)
        assert 0 <= p <= 1
        assert (p < 0.05) == (low > 0 or high < 0)
    assert paired([0.0] * len(values), values, sources=sources)[0] in (low, 0.0)


def noise(count: int) -> Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(count))


IMAGES: dict[str, tuple[Tensor, Tensor]] = {
    "one image": (noise(1), noise(1).flip(3)),
    "two images": (noise(2), noise(2).flip(3)),
    "two equal images": (noise(1).repeat(2, 1, 1, 1), noise(2)),
    "all images equal": (noise(1).repeat(6, 1, 1, 1), noise(6)),
    "all images black": (torch.zeros(4, 1, 8, 8), torch.zeros(4, 1, 8, 8)),
    "constant reconstructions": (noise(6), torch.full((6, 1, 8, 8), 0.5)),
    "constant originals": (torch.full((4, 1, 8, 8), 0.1), noise(4)),
    "exact reconstructions": (noise(5), noise(5)),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("originals", "rebuilt"), IMAGES.values(), ids=IMAGES)
def test_odd_images_have_finite_scores_or_none(originals: Tensor, rebuilt: Tensor) -> None:
    labels = torch.zeros(len(originals), dtype=torch.int64)
    found = [
        *psnr(rebuilt, originals).tolist(),
        *ssim(rebuilt, originals).tolist(),
        identified(rebuilt, originals),
        identified_chance(len(originals), originals),
        leak_r2(rebuilt, originals, originals),
        wrong_image_psnr(rebuilt, originals),
        *compare_classmates(rebuilt, ImageSet(originals, labels)).values(),
    ]

    assert all(math.isfinite(value) for value in found if value is not None)
    assert all(abs(value) <= 100 for value in found if value is not None)
