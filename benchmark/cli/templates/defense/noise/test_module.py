"""The contract of mia-bench, and what this defense is to do beyond it."""

import pytest
import torch
from mia_bench.testing import PLACES, Lab, checks_of
from mia_bench_my_component import MyComponent


@pytest.mark.parametrize("check", checks_of(MyComponent()), ids=str)
def test_it_keeps_the_contract(check):
    check()


def test_more_noise_moves_the_wire_farther():
    lab, place = Lab(), PLACES[0]
    clean = lab.model(place).send(lab.private(place)).tensor

    def error(level: float) -> float:
        torch.manual_seed(0)
        sent = lab.protected(MyComponent(level=level), place).send(lab.private(place)).tensor
        return (sent - clean).square().mean().sqrt().item()

    assert error(0.2) == pytest.approx(0.2, rel=0.1)
    assert error(0.8) == pytest.approx(0.8, rel=0.1)
