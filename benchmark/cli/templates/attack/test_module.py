"""The contract of mia-bench, and what this attack is to do beyond it."""

import pytest
from mia_bench import psnr
from mia_bench.testing import PLACES, Lab, checks_of
from mia_bench_my_component import MyComponent


@pytest.mark.parametrize("check", checks_of(MyComponent()), ids=str)
def test_it_keeps_the_contract(check):
    check()


def test_it_beats_the_mean_image():
    lab, place = Lab(), PLACES[0]
    private, mean = lab.private(place), lab.pools(place.channels).aux.images.mean(0)

    assert psnr(lab.answer(MyComponent(), place).images, private).mean() > psnr(mean.expand_as(private), private).mean()
