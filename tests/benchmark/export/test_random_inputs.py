"""Random numbers of a graph become its inputs, and torch can take the same ones."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.export.graphs import write_graphs
from mia_bench.benchmark.export.halves import Halves
from mia_bench.benchmark.export.random_inputs import GivenNumbers
from torch import Tensor, nn

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


class Noisy(nn.Module):
    def __init__(self, noise: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.noise = noise

    def forward(self, value: Tensor) -> Tensor:
        return value.flatten(1) + self.noise(value).flatten(1)


@pytest.mark.slow
def test_whole_numbers_for_each_image_are_drawn_from_one_input_of_that_length(tmp_path) -> None:
    table = torch.rand(7, 64)
    client = Noisy(lambda value: table[torch.randint(7, (len(value),))])

    graphs = write_graphs(Halves(client, nn.Linear(64, 3), rounds=False), torch.rand(5, 1, 8, 8), tmp_path)

    assert [(each.name, each.distribution, each.shape) for each in graphs.noise] == [("noise", "uniform", ("batch",))]


@pytest.mark.slow
def test_a_distribution_that_cannot_be_an_input_is_refused(tmp_path) -> None:
    client = Noisy(lambda value: torch.bernoulli(value))

    with pytest.raises(UsageError, match=r"Expected random numbers from a normal or a uniform distribution, got Bern"):
        write_graphs(Halves(client, nn.Linear(64, 3), rounds=False), torch.rand(5, 1, 8, 8), tmp_path)


@pytest.mark.slow
def test_a_graph_that_computes_something_else_than_torch_is_refused(tmp_path) -> None:
    calls = iter(range(100))
    client = Noisy(lambda value: torch.full_like(value, float(next(calls))))

    with pytest.raises(UsageError, match=r"Expected the wire of client.onnx to equal that of torch to 0.0001, got oth"):
        write_graphs(Halves(client, nn.Linear(64, 3), rounds=False), torch.rand(5, 1, 8, 8), tmp_path)


def test_torch_takes_given_numbers_in_order_and_then_draws_again() -> None:
    first, second = torch.rand(4), torch.rand(4)

    with GivenNumbers([first, second]):
        taken = torch.rand_like(first), torch.randn_like(first), torch.rand_like(first)

    assert torch.equal(taken[0], first)
    assert torch.equal(taken[1], second)
    assert not torch.equal(taken[2], first)
