"""The contract of mia-bench, and what this defense is to do beyond it."""

import pytest
import torch
from mia_bench.testing import PLACES, Lab, checks_of
from mia_bench_my_component import MyComponent


@pytest.mark.parametrize("check", checks_of(MyComponent()), ids=str)
def test_it_keeps_the_contract(check):
    check()


def test_a_larger_step_sends_fewer_values():
    lab, place = Lab(), PLACES[0]

    def values(step: float) -> int:
        return len(torch.unique(lab.protected(MyComponent(step=step), place).send(lab.private(place)).tensor))

    assert values(1.0) < values(0.1)
