"""The training loop: its steps, and that it minimizes."""

from typing import Literal

import pytest
import torch
from mia_bench.benchmark.training import fit, plan
from torch import Tensor, nn


def test_fit_finds_the_least_squares_solution() -> None:
    torch.manual_seed(0)
    inputs, truth = torch.randn(256, 4), torch.tensor([1.0, -2.0, 0.5, 0.0])
    weights = nn.Parameter(torch.zeros(4))

    def loss(batch: Tensor) -> Tensor:
        return (inputs[batch] @ weights - inputs[batch] @ truth).square().mean()

    fit([weights], loss, count=256, epochs=60, batch_size=32, learning_rate=0.1)

    torch.testing.assert_close(weights.detach(), truth, atol=1e-2, rtol=0)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_complex_weights_are_trained_too(optimizer: Literal["adamw", "sgd"]) -> None:
    weight = nn.Parameter(torch.zeros(1, dtype=torch.complex64))

    def loss(batch: Tensor) -> Tensor:
        return (weight - (1 + 2j)).abs().square().mean()

    groups = [{"params": [weight], "lr": 0.1}]
    fit(groups, loss, count=64, epochs=60, batch_size=16, learning_rate=0.1, optimizer=optimizer)

    assert (weight - (1 + 2j)).abs().item() < 0.05


@pytest.mark.parametrize("count", [1, 2, 20, 60, 300])
def test_few_images_make_as_many_steps_as_a_pass_needs(count: int) -> None:
    weight, seen = nn.Parameter(torch.zeros(1)), []

    def loss(batch: Tensor) -> Tensor:
        seen.append(batch)
        return weight.square().sum()

    fit([weight], loss, count=count, epochs=2, batch_size=128, learning_rate=0.1, least=50)

    assert len(seen) == 2 * 50
    assert {len(batch) for batch in seen} == {min(count, 32)}
    assert all(len(batch.unique()) == len(batch) for batch in seen)
    assert len(torch.cat(seen).unique()) == count


@pytest.mark.parametrize("least", [1, 20])
def test_many_images_make_the_same_steps_with_and_without_a_least_number(least: int) -> None:
    assert plan(2625, epochs=25, batch_size=128, least=least) == (25 * 20, 128)
    assert plan(50_000, epochs=8, batch_size=128, least=25) == (8 * 390, 128)


def test_no_pass_is_no_training() -> None:
    assert plan(20, epochs=0, batch_size=128, least=100).steps == 0


def test_groups_of_parameters_have_their_own_learning_rates() -> None:
    slow, quick = (nn.Parameter(torch.zeros(1)) for _ in range(2))

    fit(
        [{"params": [slow], "lr": 0.01}, {"params": [quick], "lr": 0.02}],
        lambda batch: slow.sum() + quick.sum(),
        count=8,
        epochs=3,
        batch_size=8,
        learning_rate=1.0,
        optimizer="sgd",
    )

    assert slow.item() < 0
    assert quick.item() == pytest.approx(2 * slow.item())
