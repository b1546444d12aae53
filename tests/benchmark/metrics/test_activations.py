"""The peak of the activations of a network, against counts by hand."""

import torch
from mia_bench.benchmark.metrics.activations import count_peak_bytes
from torch import Tensor, nn

FLOAT = 4


def test_the_input_and_the_output_of_the_largest_layer_are_alive_together() -> None:
    network = nn.Sequential(nn.Linear(10, 100), nn.Linear(100, 50), nn.Linear(50, 5))

    assert count_peak_bytes(network, torch.zeros(1, 10)) == FLOAT * (100 + 50)


def test_an_operation_in_place_and_a_view_take_no_memory() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten())

    assert count_peak_bytes(network, torch.zeros(1, 1, 8, 8)) == FLOAT * (64 + 4 * 64)


def test_an_operation_that_is_not_in_place_takes_memory() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())

    assert count_peak_bytes(network, torch.zeros(1, 1, 8, 8)) == FLOAT * (2 * 4 * 64)


def test_the_input_of_a_skip_connection_stays_alive() -> None:
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = nn.Linear(10, 100), nn.Linear(100, 10)

        def forward(self, value: Tensor) -> Tensor:
            return value + self.narrow(self.wide(value))

    assert count_peak_bytes(Skip(), torch.zeros(1, 10)) == FLOAT * (10 + 100 + 10)
