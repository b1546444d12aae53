"""The activations of a network and what operations move of them, against counts by hand."""

import torch
from mia_bench.benchmark.metrics.activations import count_activations, count_peak_bytes
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


def test_operations_are_those_that_compute_and_move_what_they_read_and_write() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(256, 10)
    )

    found = count_activations(network.eval(), torch.zeros(1, 1, 8, 8))

    image, maps = 64, 256
    assert found.operations == 4  # a view is none
    assert found.moved_bytes == FLOAT * ((image + maps) + 2 * maps + 2 * maps + (maps + 10))


def test_an_addition_reads_both_and_weights_are_no_activations() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(1, 8))

        def forward(self, value: Tensor) -> Tensor:
            return (value + value.relu()) + self.bias

    found = count_activations(Sum(), torch.zeros(1, 8))

    assert (found.operations, found.moved_bytes) == (3, FLOAT * 8 * (2 + 3 + 2))


def test_results_that_nothing_reads_take_no_memory_and_are_not_moved() -> None:
    pool = nn.MaxPool2d(2)  # torch computes the indices of the maxima, too

    found = count_activations(pool, torch.zeros(1, 8, 8, 8))

    assert found == (FLOAT * (512 + 128), 1, FLOAT * (512 + 128))
    used = nn.MaxPool2d(2, return_indices=True)
    assert count_peak_bytes(used, torch.zeros(1, 8, 8, 8)) == FLOAT * (512 + 128) + 8 * 128
