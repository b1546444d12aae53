"""The contract of mia-bench, and what this defense is to do beyond it."""

import pytest
from mia_bench.testing import PLACES, Lab, checks_of
from mia_bench_my_component import MyComponent


@pytest.mark.parametrize("check", checks_of(MyComponent()), ids=str)
def test_it_keeps_the_contract(check):
    check()


def test_more_weight_lowers_the_variance_of_the_ir():
    lab, place = Lab(), PLACES[0]

    def variance(weight: float) -> float:
        return lab.protected(MyComponent(weight=weight), place).send(lab.private(place)).tensor.var(0).mean().item()

    assert variance(1.0) < variance(0.0)
