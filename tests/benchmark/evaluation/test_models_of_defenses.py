"""Models of defenses are copied, measured and shown to attacks without a change."""

import threading
from dataclasses import replace
from typing import Any

import pytest
import torch
from mia_bench import Access, Channel, ImageSet, SplitModel
from mia_bench.benchmark.evaluation import protection
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from torch import Tensor

from ...helpers.cells import Scripted, gray
from ...helpers.tried_defenses import row_of, setting_with


class Locked(Channel):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


def test_a_channel_that_cannot_be_copied_is_named(bench: Artifacts) -> None:
    told = row_of(bench, lambda model, train: replace(model.copy(), ir_channel=Locked())).reason

    assert told.startswith(
        "TypeError: Expected a model that can be copied, got a channel Locked that cannot be (cannot pickle"
    )
    assert told.endswith("Define __deepcopy__, or create in forward what cannot be copied.")


def test_training_the_frozen_weights_is_explained(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        made = model.copy()
        made.logits(train.images[:4]).sum().backward()
        return made

    assert "Call modules().requires_grad_(True) on a copy of it, and train the copy." in row_of(bench, protect).reason


class Counting(Channel):
    stochastic = True

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0

    def forward(self, value: Tensor) -> Tensor:
        self.sent += 1
        return value + self.sent * torch.rand_like(value)


def test_the_calls_that_measure_costs_leave_the_model_as_it_is(
    bench: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, sent = protection.measure_costs, list[int]()

    def often(model: SplitModel, image: Tensor, *rest: Any, **options: Any) -> Any:
        sent.append(getattr(model.ir_channel, "sent"))  # noqa: B009
        return measure(model, image, *rest, **options)

    monkeypatch.setattr(protection, "measure_costs", often)
    found = bench.protected(setting_with(bench, lambda model, train: replace(model.copy(), ir_channel=Counting())))

    assert [getattr(found.model.ir_channel, "sent")] == sent  # noqa: B009


class Secret(Channel):
    published = False

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("key", torch.arange(4))


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("random", [False, True])
def test_a_channel_that_is_not_published_is_not_shown(access: Access, random: bool, bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        channel = Secret()
        channel.stochastic = random
        return replace(model.copy(), ir_channel=channel)

    attack = type("Looking", (Scripted,), {"access": access, "act": staticmethod(gray)})()
    seen = bench.observe(setting_with(bench, protect), attack)

    assert type(seen.channel) is Channel
    assert not list(seen.channel.buffers())
    assert (seen.channel.published, seen.channel.stochastic) == (False, random)
