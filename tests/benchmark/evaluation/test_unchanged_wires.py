"""Records say whether a defense changes what is sent."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from mia_bench import Channel, SplitModel, Wire
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from torch import Tensor

from ...helpers.tried_defenses import Noise, setting_with


def noted(bench: Artifacts, protect: Callable[[SplitModel], SplitModel]) -> bool:
    setting = setting_with(bench, lambda model, train: protect(model.copy()))
    return bench.protected(setting).details.get("wire_unchanged") == 1.0


def with_channel(channel: Channel) -> Callable[[SplitModel], SplitModel]:
    return lambda model: replace(model, ir_channel=channel)


class Weak(Noise):
    def forward(self, value: Tensor) -> Tensor:
        return value + 0.0 * torch.randn_like(value)


class Coded(Channel):
    def __init__(self, *, published: bool) -> None:
        super().__init__()
        self.published = published

    def forward(self, value: Tensor) -> Any:
        return tuple(each.contiguous().numpy().tobytes() for each in value)

    def read(self, wire: Wire) -> Tensor:
        rows = [torch.frombuffer(bytearray(message), dtype=torch.float32) for message in wire.payload]
        return torch.stack(rows).unflatten(1, (8, 12, 12))


def other_server(model: SplitModel) -> SplitModel:
    with torch.no_grad():
        for weight in model.server.parameters():
            weight.mul_(1.1)
    return model


UNCHANGED = [lambda model: model, with_channel(Weak()), with_channel(Coded(published=True)), other_server]


@pytest.mark.parametrize("protect", UNCHANGED)
def test_a_wire_of_the_undefended_numbers_is_noted(
    protect: Callable[[SplitModel], SplitModel], bench: Artifacts
) -> None:
    assert noted(bench, protect)


def test_a_wire_that_is_changed_or_unreadable_is_not_noted(bench: Artifacts) -> None:
    assert not noted(bench, with_channel(Noise()))
    assert not noted(bench, with_channel(Coded(published=False)))
