"""Linear least squares: the units of the numbers of a wire."""

import torch
from mia_bench.benchmark.metrics.attribute_probe import read_labels
from mia_bench.benchmark.utils.balance import balancing_units
from mia_bench.benchmark.utils.least_squares import Equations
from torch import Tensor


def pairs(count: int = 400) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(count, 4, generator=generator)
    wires = values @ torch.randn(4, 30, generator=generator) + 0.3 * torch.randn(count, 30, generator=generator)
    return wires, values


def identified(wires: Tensor) -> Tensor:
    """Wires with the number of a message that says nothing of the image."""
    return torch.cat([1e7 * torch.rand(len(wires), 1, generator=torch.Generator().manual_seed(1)), wires], 1)


def error(wires: Tensor, values: Tensor, *, dual: bool) -> float:
    solved = Equations.gather(wires[:200], values[:200], dual=dual).solve(1e-4)
    return (solved(wires[200:]) - values[200:]).square().mean().item()


def test_a_huge_number_that_says_nothing_does_no_harm() -> None:
    wires, values = pairs()

    for dual in (True, False):
        assert error(identified(wires), values, dual=dual) < 1.1 * error(wires, values, dual=dual)


def test_a_probe_reads_labels_beside_a_huge_number() -> None:
    wires, values = pairs()
    labels = (values[:, :1] > 0).long()

    def right(some: Tensor) -> float:
        answers = read_labels(some[:200], labels[:200], some[200:]).answers
        return (answers == labels[200:]).double().mean().item()

    assert right(wires) > 0.9
    assert right(identified(wires)) > right(wires) - 0.1


def test_numbers_of_usual_sizes_keep_their_units() -> None:
    wires = torch.randn(50, 40) * torch.logspace(-2, 2, 40)

    assert balancing_units(wires).eq(1).all()
