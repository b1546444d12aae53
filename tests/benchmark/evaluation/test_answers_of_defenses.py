"""Defenses whose answers depend on other images, bypass the wire or are not finite fail with a sentence."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from mia_bench import Channel, ImageSet, SplitModel
from mia_bench.benchmark.errors import ContractError
from mia_bench.benchmark.evaluation.answer_contract import MIXED_ANSWERS, NOT_FROM_THE_WIRE, require_answers
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.utility import Answers, measure
from torch import Tensor, nn

from ...helpers.tried_defenses import Behind, Noise, row_of


def answering(change: Callable[[Tensor], Tensor], channel: type[Channel] = Channel) -> Callable[..., SplitModel]:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        made = model.copy()
        return replace(made, server=nn.Sequential(Behind(made.server, change)), ir_channel=channel())

    return protect


MIXED: dict[str, Callable[[Tensor], Tensor]] = {
    "zeros for few images": lambda logits: logits * (len(logits) > 20),
    "centered logits": lambda logits: logits - logits.mean(0),
    "other logits for few images": lambda logits: logits if len(logits) > 20 else -logits,
}


@pytest.mark.parametrize("channel", [Channel, Noise])
@pytest.mark.parametrize("name", MIXED)
def test_an_answer_that_depends_on_other_wires_is_refused(name: str, channel: type[Channel], bench: Artifacts) -> None:
    assert row_of(bench, answering(MIXED[name], channel)).reason == f"ContractError: {MIXED_ANSWERS}"


@pytest.mark.parametrize("channel", [Channel, Noise])
def test_a_server_that_answers_each_wire_by_itself_is_measured(channel: type[Channel], bench: Artifacts) -> None:
    assert row_of(bench, answering(lambda logits: 2 * logits, channel)).reason == ""


@pytest.mark.parametrize("channel", [Channel, Noise])
def test_a_server_may_answer_at_random(channel: type[Channel], bench: Artifacts) -> None:
    assert row_of(bench, answering(lambda logits: logits + 10 * torch.randn_like(logits), channel)).reason == ""


class FewImagesOnly(Channel):
    def forward(self, value: Tensor) -> Tensor:
        return value * (len(value) > 20)


def test_a_wire_of_few_images_must_be_that_of_many(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), ir_channel=FewImagesOnly())

    assert "Expected wires that do not depend on the images beside them" in row_of(bench, protect).reason


class Nothing(Channel):
    def forward(self, value: Tensor) -> Tensor:
        return torch.zeros_like(value)


@dataclass(frozen=True, kw_only=True)
class Bypassing(SplitModel):
    def classify(self, images: Tensor) -> Tensor:
        return self.server(self.client(images))


class Remembering(Nothing):
    def __init__(self) -> None:
        super().__init__()
        self.kept = torch.empty(0)

    def forward(self, value: Tensor) -> Tensor:
        self.kept = value
        return super().forward(value)


class Remembered(nn.Module):
    def __init__(self, channel: Remembering, server: nn.Module) -> None:
        super().__init__()
        self.channel, self.server = (channel,), server

    def __deepcopy__(self, memo: dict[int, Any]) -> "Remembered":
        return Remembered(copy.deepcopy(self.channel[0], memo), copy.deepcopy(self.server, memo))

    def forward(self, sent: Tensor) -> Tensor:
        kept = self.channel[0].kept
        return self.server(kept if len(kept) == len(sent) else sent)


def test_answers_that_bypass_the_wire_are_refused(bench: Artifacts) -> None:
    def around(model: SplitModel, train: ImageSet) -> SplitModel:
        made = model.copy()
        return Bypassing(client=made.client, server=made.server, ir_channel=Nothing())

    def through_memory(model: SplitModel, train: ImageSet) -> SplitModel:
        made, channel = model.copy(), Remembering()
        return replace(made, ir_channel=channel, server=nn.Sequential(Remembered(channel, made.server)))

    for protect in (around, through_memory):
        assert row_of(bench, protect).reason == f"ContractError: {NOT_FROM_THE_WIRE}"


def test_rare_noise_is_no_dependence_on_others() -> None:
    class Rare(Channel):
        stochastic = True

        def forward(self, value: Tensor) -> Tensor:
            return value * (torch.rand_like(value) > 0.01)

    model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(nn.Linear(9, 3)), ir_channel=Rare())
    images = torch.rand(50, 1, 3, 3)

    refused = []
    for seed in range(50):
        torch.manual_seed(seed)
        try:
            require_answers(model, images, model.classify(images)[:8].detach(), identity=seed)
        except ContractError as error:
            refused.append(f"{seed}: {error}")

    assert refused == []


def test_a_shorter_answer_is_another_one() -> None:
    model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(nn.Linear(9, 3)))

    with pytest.raises(ContractError, match="follow from the wire"):
        require_answers(model, torch.rand(5, 1, 3, 3), torch.zeros(5, 2), identity=0)


def test_outputs_that_are_not_finite_are_named(bench: Artifacts) -> None:
    def broken(logits: Tensor) -> Tensor:
        return logits * torch.tensor(float("nan"))

    told = row_of(bench, answering(broken))

    assert told.status == "failed"
    assert "Expected finite outputs of the protected network, got NaN or infinity for " in told.reason


def test_an_infinity_that_the_undefended_network_gives_as_well_passes() -> None:
    def network(images: Tensor) -> Tensor:
        return images.flatten(1) + torch.tensor([0.0, 0.0, 0.0, -torch.inf])

    test = ImageSet(torch.rand(6, 1, 2, 2), torch.zeros(6, dtype=torch.int64))

    assert measure(network, test, Answers(network, test, classes=True))[0].agreement == 1
