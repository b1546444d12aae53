"""Defenses whose answers do not follow from the wires, or cannot be measured, fail with a sentence."""

import copy
import itertools
import os
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from mia_bench import Access, Channel, Defense, ImageSet, Promise, SplitModel, Wire
from mia_bench.benchmark.errors import ContractError
from mia_bench.benchmark.evaluation import protection
from mia_bench.benchmark.evaluation.answer_contract import (
    MIXED_ANSWERS,
    NOT_FROM_FLOAT32,
    NOT_FROM_THE_WIRE,
    require_answers,
)
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.evaluation.utility import Answers, measure
from mia_bench.benchmark.evaluation.wire_contract import NOT_RANDOM, UNDECLARED_EPSILON
from mia_bench.benchmark.leaderboard.records import Row
from mia_bench.benchmark.plan.cells import Cell, Setting
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent, resolve
from mia_bench.benchmark.utils.cache import digest
from torch import Tensor, nn

from ...helpers.cells import Scripted, gray, setting

VERSIONS = itertools.count()
"""Each defense of a test has a version of its own, so that it is not taken for the one before."""


def chosen(bench: Artifacts, protect: Callable[[SplitModel, ImageSet], Any]) -> Setting:
    class Mine(Defense):
        """Does what a test says."""

        def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
            return protect(model, train)

    entry = Entry(kind="defenses", name="mine", target="t:Mine", package="third-party", version=f"{next(VERSIONS)}")
    return replace(setting(bench), defense=ResolvedComponent(entry, Mine()))


def row(bench: Artifacts, protect: Callable[[SplitModel, ImageSet], Any]) -> Row:
    cell = Cell(chosen(bench, protect), resolve("attacks", "mean_image", {}))
    return evaluate(cell, digest("some-cell"), bench)[0].row


class Behind(nn.Module):
    """Changes the answers of a server."""

    def __init__(self, server: nn.Module, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.server, self.change = server, change

    def forward(self, sent: Tensor) -> Tensor:
        return self.change(self.server(sent))


class Noise(Channel):
    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return value + torch.randn_like(value)


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
    assert row(bench, answering(MIXED[name], channel)).reason == f"ContractError: {MIXED_ANSWERS}"


@pytest.mark.parametrize("channel", [Channel, Noise])
def test_a_server_that_answers_each_wire_by_itself_is_measured(channel: type[Channel], bench: Artifacts) -> None:
    assert row(bench, answering(lambda logits: 2 * logits, channel)).reason == ""


@pytest.mark.parametrize("channel", [Channel, Noise])
def test_a_server_may_answer_at_random(channel: type[Channel], bench: Artifacts) -> None:
    assert row(bench, answering(lambda logits: logits + 10 * torch.randn_like(logits), channel)).reason == ""


class FewImagesOnly(Channel):
    def forward(self, value: Tensor) -> Tensor:
        return value * (len(value) > 20)


def test_a_wire_of_few_images_must_be_that_of_many(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), ir_channel=FewImagesOnly())

    assert "Expected wires that do not depend on the images beside them" in row(bench, protect).reason


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
        assert row(bench, protect).reason == f"ContractError: {NOT_FROM_THE_WIRE}"


class Carrier(Channel):
    """Noise on a coarse grid, which hides the value in low bits."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step = step

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return (50 * torch.randn_like(value, dtype=torch.float64) / self.step).round() * self.step + 1e-8 * value


class Low(nn.Module):
    """Reads the low bits."""

    def __init__(self, step: float, server: nn.Module) -> None:
        super().__init__()
        self.step, self.server = step, server

    def forward(self, sent: Tensor) -> Tensor:
        return self.server((1e8 * (sent - (sent / self.step).round() * self.step)).float())


def test_what_float32_does_not_hold_is_not_answered_from(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        made = model.copy()
        server = nn.Sequential(Low(1 / 64, made.server))
        return replace(made, ir_channel=Carrier(1 / 64), server=server)

    assert row(bench, protect).reason == f"ContractError: {NOT_FROM_FLOAT32}"


@dataclass(frozen=True, kw_only=True)
class Viewing(SplitModel):
    """Sends nothing but random bytes, and keeps the IR where it says how to read them."""

    random: bool

    @property
    def stochastic(self) -> bool:
        return self.random

    def send(self, images: Tensor) -> Wire:
        ir = super().send(images).tensor

        def view(messages: tuple[bytes, ...]) -> Tensor:
            return ir[: len(messages)]

        return Wire(tuple(os.urandom(9) if self.random else bytes(9) for _ in images), view)


@dataclass(frozen=True)
class Beside(Wire):
    """Has an IR beside its payload."""

    ir: Tensor | None = None


class Text(bytes):
    """May have attributes."""

    ir: Tensor


@dataclass(frozen=True, kw_only=True)
class Hiding(SplitModel):
    """Sends random numbers or bytes, and the IR beside them."""

    within: bool

    @property
    def stochastic(self) -> bool:
        return True

    def send(self, images: Tensor) -> Wire:
        ir = super().send(images).tensor
        if not self.within:
            return Beside(torch.rand(len(ir), 9), ir=ir)
        messages = [Text(os.urandom(9)) for _ in ir]
        for message, each in zip(messages, ir, strict=True):
            message.ir = each
        return Wire(tuple(messages))

    def exchange(self, wire: Wire) -> Any:
        if isinstance(wire, Beside) and wire.ir is not None:
            return super().exchange(Wire(wire.ir))
        nothing = torch.zeros(self.client(torch.zeros(1, 3, 16, 16)).shape[1:])
        return super().exchange(Wire(torch.stack([getattr(each, "ir", nothing) for each in wire.payload])))


@pytest.mark.parametrize("within", [False, True])
def test_nothing_is_beside_the_numbers_and_bytes_of_a_wire(within: bool, bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        made = model.copy()
        return Hiding(client=made.client, server=made.server, within=within)

    assert row(bench, protect).status == "failed"


class Whole(Channel):
    """Sends whole numbers of 32 bits, of which the largest ones are at the end of the type."""

    def forward(self, value: Tensor) -> Tensor:
        return (value.clamp(-1, 1).double() * (2**31 - 1)).to(torch.int32)


def test_whole_numbers_at_the_end_of_their_type_are_answered_from(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        made = model.copy()
        return replace(made, ir_channel=Whole(), server=nn.Sequential(Behind(nn.Identity(), scaled), *made.server))

    def scaled(sent: Tensor) -> Tensor:
        return sent.float() / 2**31

    assert row(bench, protect).reason == ""


class Zipped(Channel):
    """Sends what zlib makes of a value, with a random byte in front."""

    stochastic = True

    def forward(self, value: Tensor) -> Any:
        return tuple(os.urandom(1) + zlib.compress(each.numpy().tobytes()) for each in value)


def test_byte_strings_that_hardly_differ_are_no_ciphertexts(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), ir_channel=Zipped(), promise=Promise("AES-256", secrecy=True))

    assert "Expected an epsilon or ciphertexts for the guarantee 'AES-256', " in row(bench, protect).reason


@pytest.mark.parametrize("random", [False, True])
def test_what_reads_byte_strings_holds_nothing_of_the_image(random: bool, bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        made = model.copy()
        return Viewing(client=made.client, server=made.server, random=random)

    assert row(bench, protect).reason == f"ContractError: {NOT_FROM_THE_WIRE}"


@dataclass(frozen=True, kw_only=True)
class Padded(SplitModel):
    """Adds a random pad that the device keeps, and takes it off again."""

    pads: list[Tensor]

    @property
    def stochastic(self) -> bool:
        return True

    def send(self, images: Tensor) -> Wire:
        sent = super().send(images).tensor
        self.pads[:] = [100 * torch.randn_like(sent)]
        return Wire(sent + self.pads[0])

    def exchange(self, wire: Wire) -> Any:
        return super().exchange(Wire(wire.tensor - self.pads[0]))


def test_a_device_may_keep_what_it_needs_to_read_the_answer_to_a_random_wire(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        made = model.copy()
        return Padded(client=made.client, server=made.server, pads=[])

    assert row(bench, protect).reason == ""


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

    told = row(bench, answering(broken))

    assert told.status == "failed"
    assert "Expected finite outputs of the protected network, got NaN or infinity for " in told.reason


def test_an_infinity_that_the_undefended_network_gives_as_well_passes() -> None:
    def network(images: Tensor) -> Tensor:
        return images.flatten(1) + torch.tensor([0.0, 0.0, 0.0, -torch.inf])

    test = ImageSet(torch.rand(6, 1, 2, 2), torch.zeros(6, dtype=torch.int64))

    assert measure(network, test, Answers(network, test, classes=True))[0].agreement == 1


@pytest.mark.parametrize("promise", [Promise("perfect secrecy"), Promise("none: a control", secrecy=True)])
def test_a_guarantee_in_words_without_ciphertexts_is_refused(promise: Promise, bench: Artifacts) -> None:
    told = row(bench, lambda model, train: replace(model.copy(), promise=promise))

    assert f"Expected an epsilon or ciphertexts for the guarantee {promise.guarantee!r}, " in told.reason


def test_an_epsilon_without_randomness_is_refused(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), promise=Promise("(0.1, 1e-6)-local DP", epsilon=0.1, delta=1e-6))

    told = row(bench, protect)

    assert told.reason == f"ContractError: {NOT_RANDOM}"
    assert told.epsilon is None


def test_an_epsilon_of_a_class_without_a_guarantee_is_refused(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), ir_channel=Noise(), promise=Promise("(2, 0)-local DP", epsilon=2.0, delta=0.0))

    assert row(bench, protect).reason == f"ContractError: {UNDECLARED_EPSILON.format(2.0)}"


class Locked(Channel):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


def test_a_channel_that_cannot_be_copied_is_named(bench: Artifacts) -> None:
    told = row(bench, lambda model, train: replace(model.copy(), ir_channel=Locked())).reason

    assert told.startswith(
        "TypeError: Expected a model that can be copied, got a channel Locked that cannot be (cannot pickle"
    )
    assert told.endswith("Define __deepcopy__, or create in forward what cannot be copied.")


def test_training_the_frozen_weights_is_explained(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        made = model.copy()
        made.logits(train.images[:4]).sum().backward()
        return made

    assert "Call modules().requires_grad_(True) on a copy of it, and train the copy." in row(bench, protect).reason


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
    found = bench.protected(chosen(bench, lambda model, train: replace(model.copy(), ir_channel=Counting())))

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
    seen = bench.observe(chosen(bench, protect), attack)

    assert type(seen.channel) is Channel
    assert not list(seen.channel.buffers())
    assert (seen.channel.published, seen.channel.stochastic) == (False, random)
