"""Multiply-accumulate operations of quantized layers, against those of their counterparts on floats."""

import pytest
import torch
from mia_bench.benchmark.metrics.macs import count_macs
from torch import nn
from torch.ao.nn import quantized
from torch.ao.nn.quantized import dynamic

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # torch.ao is deprecated
    pytest.mark.skipif(torch.backends.quantized.engine == "none", reason="torch has no quantized kernels"),
]

STATIC = [
    (quantized.Linear, nn.Linear, (9, 4), (2, 9)),
    (quantized.Conv1d, nn.Conv1d, (4, 6, 3), (2, 4, 9)),
    (quantized.Conv2d, nn.Conv2d, (4, 6, 3, 2), (2, 4, 9, 9)),
    (quantized.ConvTranspose2d, nn.ConvTranspose2d, (4, 6, 3, 2), (2, 4, 9, 9)),
]
DYNAMIC = [
    (dynamic.Linear, nn.Linear, (9, 4), (2, 7, 9)),
    (dynamic.Conv1d, nn.Conv1d, (4, 6, 3, 2), (2, 4, 9)),
    (dynamic.Conv2d, nn.Conv2d, (4, 6, 3, 2), (2, 4, 9, 9)),
    (dynamic.Conv3d, nn.Conv3d, (4, 6, 3, 2), (2, 4, 9, 9, 9)),
    (dynamic.ConvTranspose1d, nn.ConvTranspose1d, (4, 6, 3, 2), (2, 4, 9)),
    (dynamic.ConvTranspose2d, nn.ConvTranspose2d, (4, 6, 3, 2), (2, 4, 9, 9)),
    (dynamic.ConvTranspose3d, nn.ConvTranspose3d, (4, 6, 3, 2), (2, 4, 9, 9, 9)),
    (dynamic.LSTM, nn.LSTM, (6, 5, 2), (4, 3, 6)),
    (dynamic.GRU, nn.GRU, (6, 5, 2), (4, 3, 6)),
    (dynamic.LSTMCell, nn.LSTMCell, (6, 5), (3, 6)),
    (dynamic.GRUCell, nn.GRUCell, (6, 5), (3, 6)),
    (dynamic.RNNCell, nn.RNNCell, (6, 5), (3, 6)),
]


@pytest.mark.parametrize(("layer", "like", "sizes", "shape"), STATIC, ids=[each[1].__name__ for each in STATIC])
def test_a_quantized_layer_counts_as_one_on_floats(
    layer: type[nn.Module], like: type[nn.Module], sizes: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    value = torch.rand(shape)
    whole = torch.quantize_per_tensor(value, 0.1, 0, torch.quint8)

    assert count_macs(layer(*sizes), whole) == count_macs(like(*sizes), value) > 0


@pytest.mark.parametrize(("layer", "like", "sizes", "shape"), DYNAMIC, ids=[each[1].__name__ for each in DYNAMIC])
def test_a_dynamically_quantized_layer_counts_as_one_on_floats(
    layer: type[nn.Module], like: type[nn.Module], sizes: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    value = torch.rand(shape)

    assert count_macs(layer(*sizes), value) == count_macs(like(*sizes), value) > 0


def test_a_quantized_cell_with_another_activation_counts_as_one_on_floats() -> None:
    quantized_cell, cell = (kind.RNNCell(6, 5, nonlinearity="relu") for kind in (dynamic, nn))
    value = torch.rand(3, 6)

    assert count_macs(quantized_cell, value) == count_macs(cell, value) > 0


def test_every_dynamically_quantized_layer_is_tested() -> None:
    tested = {layer.__name__ for layer, *_ in DYNAMIC}

    assert {name for name, each in vars(dynamic).items() if isinstance(each, type)} == tested
