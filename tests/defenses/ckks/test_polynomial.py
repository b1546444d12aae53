"""The polynomial form of a network."""

import torch
from mia_bench.defenses._ckks.polynomial import Quadratic, polynomial_form
from torch import nn


def test_a_layer_that_occurs_twice_is_replaced_twice() -> None:
    relu = nn.ReLU()
    network = nn.Sequential(nn.Linear(8, 8), relu, nn.Linear(8, 8), relu, nn.Linear(8, 2))

    form = polynomial_form(network, torch.randn(64, 8))

    assert [type(layer) for layer in form] == [nn.Linear, Quadratic, nn.Linear, Quadratic, nn.Linear]
