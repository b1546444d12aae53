"""Zeros that tell the sign of the numbers that they replace."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from mia_bench.benchmark.evaluation.signed_zeros_note import signed_zeros_note
from mia_bench.benchmark.interfaces import Channel, SplitModel
from torch import Tensor, nn

HALF = torch.arange(8) % 2


class Changed(Channel):
    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def forward(self, value: Tensor) -> Tensor:
        return self.change(value)


def note_of(change: Callable[[Tensor], Tensor], client: nn.Module | None = None) -> dict[str, str]:
    model = SplitModel(client=nn.Sequential(client or nn.Flatten()), server=nn.Sequential(nn.Linear(8, 2)))
    return signed_zeros_note(replace(model, ir_channel=Changed(change)), torch.randn(4, 1, 2, 4))


@pytest.mark.parametrize("change", [lambda value: value * HALF, lambda value: (value / 9).round()])
def test_removed_numbers_that_keep_their_sign_are_noted(change: Callable[[Tensor], Tensor]) -> None:
    assert "masked_fill" in note_of(change)["signed_zeros"]


@pytest.mark.parametrize(
    "change",
    [lambda value: value, lambda value: value.masked_fill(HALF == 0, 0.0), lambda value: (value * HALF)[:, :4]],
)
def test_other_wires_have_no_note(change: Callable[[Tensor], Tensor]) -> None:
    assert note_of(change) == {}


def test_zeros_with_a_sign_that_the_client_itself_gives_are_not_removed_numbers() -> None:
    class Negative(nn.Flatten):
        def forward(self, input: Tensor) -> Tensor:
            return -super().forward(input).abs() * 0

    assert note_of(lambda value: value, Negative()) == {}
