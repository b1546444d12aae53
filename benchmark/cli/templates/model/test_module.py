"""The contract of mia-bench, and what this model is to do beyond it."""

import pytest
from mia_bench.testing import checks_of
from mia_bench_my_component import MyComponent


@pytest.mark.parametrize("check", checks_of(MyComponent()), ids=str)
def test_it_keeps_the_contract(check):
    check()


def test_the_first_convolution_has_as_many_channels_as_asked_for():
    assert MyComponent(filters=5).build((3, 32, 32), 10).conv1.out_channels == 5
