"""The contract of mia-bench, and what this dataset is to do beyond it."""

import pytest
from mia_bench.testing import checks_of
from mia_bench_my_component import MyComponent


@pytest.mark.parametrize("check", checks_of(MyComponent()), ids=str)
def test_it_keeps_the_contract(check):
    check()


def test_the_images_have_the_size_asked_for():
    assert MyComponent(size=20).load(None).image_shape == (1, 20, 20)
