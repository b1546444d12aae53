"""Images that defenses send where no attack looks are found out."""

import os
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from mia_bench import Channel, ImageSet, SplitModel, Wire
from mia_bench.benchmark.evaluation.answer_contract import NOT_FROM_FLOAT32, NOT_FROM_THE_WIRE
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from torch import Tensor, nn

from ...helpers.tried_defenses import Behind, row_of


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

    assert row_of(bench, protect).reason == f"ContractError: {NOT_FROM_FLOAT32}"


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

    assert row_of(bench, protect).reason == ""


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


@pytest.mark.parametrize("random", [False, True])
def test_what_reads_byte_strings_holds_nothing_of_the_image(random: bool, bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        made = model.copy()
        return Viewing(client=made.client, server=made.server, random=random)

    assert row_of(bench, protect).reason == f"ContractError: {NOT_FROM_THE_WIRE}"


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

    assert row_of(bench, protect).status == "failed"


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

    assert row_of(bench, protect).reason == ""
