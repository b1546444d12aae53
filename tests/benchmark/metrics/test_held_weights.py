"""The number and bytes of the weights of networks, also of quantized ones."""

from collections.abc import Callable

import pytest
import torch
from mia_bench import SplitModel
from mia_bench.benchmark.metrics.exchanges import server_param_bytes
from mia_bench.benchmark.metrics.held_weights import count_weights, weight_bytes
from torch import nn
from torch.ao.nn import quantized
from torch.ao.nn.quantized import dynamic

pytestmark = [
    pytest.mark.skipif(torch.backends.quantized.engine == "none", reason="torch has no quantized kernels"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning"),
]


@pytest.mark.parametrize(
    ("made", "counterpart", "biases"),
    [
        (lambda: quantized.Linear(5, 4), lambda: nn.Linear(5, 4), 4),
        (lambda: quantized.Conv2d(3, 4, 3), lambda: nn.Conv2d(3, 4, 3), 4),
        (lambda: dynamic.Linear(5, 4), lambda: nn.Linear(5, 4), 4),
        (lambda: dynamic.GRU(5, 4, num_layers=2), lambda: nn.GRU(5, 4, num_layers=2), 48),
        (lambda: dynamic.LSTMCell(5, 4), lambda: nn.LSTMCell(5, 4), 32),
    ],
    ids=["linear", "convolution", "dynamic linear", "dynamic GRU", "dynamic LSTM cell"],
)
def test_a_quantized_layer_has_as_many_weights_as_one_on_floats_of_a_byte_each(
    made: Callable[[], nn.Module], counterpart: Callable[[], nn.Module], biases: int
) -> None:
    layer, weights = made(), count_weights(counterpart())
    assert count_weights(nn.Sequential(layer)) == weights
    assert weight_bytes(nn.Sequential(layer)) == weights + 3 * biases


def test_weights_that_layers_share_count_once() -> None:
    layer, other = nn.Linear(3, 3), nn.Linear(3, 3)
    other.weight = layer.weight
    assert count_weights(nn.Sequential(layer, other)) == 9 + 3 + 3


def test_quantized_weights_of_the_device_are_not_those_of_the_server() -> None:
    model = SplitModel(client=nn.Sequential(quantized.Linear(5, 4)), server=nn.Sequential(quantized.Linear(4, 3)))
    assert weight_bytes(model.on_device) == 5 * 4 + 4 * 4
    assert server_param_bytes(model) == 4 * 3 + 4 * 3
