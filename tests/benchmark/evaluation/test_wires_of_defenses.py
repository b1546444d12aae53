"""Defenses that send something other than a wire, or what their server cannot take, fail with a sentence."""

import itertools
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from mia_bench import Defense, ImageSet, Observation, SplitModel, Wire
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.noise_contract import FIXED_NOISE, PLACED
from mia_bench.benchmark.evaluation.wire_contract import UNDECLARED
from mia_bench.benchmark.leaderboard.records import Row
from torch import Tensor, nn

from ...helpers.cells import outcome
from ...helpers.tried_defenses import Given, Read, row_of


def row(
    bench: Artifacts,
    act: Callable[[Tensor], Any],
    read: Callable[[Tensor], Tensor] | None = None,
    attack: str = "mean_image",
) -> Row:
    class Sends(Defense):
        """Sends what a test says."""

        def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
            protected = replace(model.copy(), ir_channel=Given(act))
            return replace(protected, server=nn.Sequential(Read(read, protected.server))) if read else protected

    return row_of(bench, Sends(), attack)


def reason(bench: Artifacts, act: Callable[[Tensor], Any]) -> str:
    return row(bench, act).reason


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (
            lambda value: value[:1],
            "ContractError: Expected 4 entries, one for each image, got a tensor (1, 8, 12, 12). "
            "Keep the first dimension.",
        ),
        (
            lambda value: value * float("nan"),
            "ContractError: Expected finite numbers on the wire, got NaN or infinity. Keep them in range.",
        ),
        (lambda value: value.numpy(), "ContractError: Expected a channel that returns a tensor, got ndarray."),
        (lambda value: None, "ContractError: Expected a channel that returns a tensor, got NoneType."),
        (lambda value: value[:, :2], "a server that takes what is sent, torch.float32 (2, 12, 12) for each image: "),
        (lambda value: value.double(), "a server that takes what is sent, torch.float64 (8, 12, 12) for each image: "),
        (lambda value: value > 0, "a server that takes what is sent, torch.bool (8, 12, 12) for each image: "),
        (lambda value: value > 0, ". Convert it in the server's first layer, as with .float()."),
        (lambda value: value[:, :2], ". Give the server layers that take it."),
        (
            lambda value: value - value.mean(0),
            "Expected wires that do not depend on the images beside them, got another",
        ),
        (
            lambda value: value / (len(value) > 1),
            "on the wire of an image that is sent alone, got NaN or infinity. Compute nothing over the images of",
        ),
    ],
)
def test_what_is_no_wire_is_named(bench: Artifacts, act: Callable[[Tensor], Any], words: str) -> None:
    assert words in reason(bench, act)


def test_a_wire_may_depend_on_rounding_as_that_of_the_largest_numbers_of_a_flat_map_does(bench: Artifacts) -> None:
    def chosen_by_rounding(value: Tensor) -> Tensor:
        digits = (value * 1e6 + len(value) / 2).remainder(1).flatten(1)  # those that rounding changes, (N, K)
        return torch.zeros_like(digits).scatter_(1, digits.topk(50, dim=1).indices, 1.0).view_as(value)

    assert row(bench, chosen_by_rounding).status == "done"


def test_an_error_with_a_tensor_shows_its_shape_alone(bench: Artifacts) -> None:
    def fail(value: Tensor) -> Tensor:
        raise ValueError(value)

    assert reason(bench, fail) == "ValueError: Tensor (4, 8, 12, 12) torch.float32"
    assert torch.get_default_dtype() is torch.float32


ROUNDED = {
    "integers with a large offset": (
        lambda value: (1000 * value).round().long() + 2**40,
        lambda sent: (sent - 2**40).float() / 1000,
        "got int64 numbers that it rounds by ",
    ),
    "doubles with a large offset": (
        lambda value: value.double() * 1e-9 + 1e6,
        lambda sent: ((sent - 1e6) * 1e9).float(),
        "got float64 numbers that it rounds by ",
    ),
    "another offset for each number": (
        lambda value: value.double() + 1e12 * torch.arange(144).view(12, 12),
        lambda sent: (sent - 1e12 * torch.arange(144).view(12, 12)).float(),
        "got float64 numbers that it rounds by ",
    ),
    "doubles below the smallest float": (
        lambda value: value.double() * 1e-60,
        lambda sent: (sent * 1e60).float(),
        "got float64 numbers that it rounds by 1 times their standard deviation. Define Channel.read, which returns",
    ),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_numbers_that_attacks_would_lose_are_named(name: str, bench: Artifacts) -> None:
    act, read, words = ROUNDED[name]

    found = row(bench, act, read)

    assert found.reason.startswith(f"ContractError: Expected a wire whose numbers float32 holds, {words}")


def test_a_channel_that_reads_its_wire_may_send_any_numbers(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    act, read, _ = ROUNDED["integers with a large offset"]
    monkeypatch.setattr(Given, "read", lambda self, wire: read(wire.payload), raising=False)

    assert row(bench, act, read).reason == ""


def test_doubles_of_ordinary_values_and_constants_pass(bench: Artifacts) -> None:
    for act in (lambda value: value.double() + 0.1, lambda value: 1e9 + value.double().sign() / 3 * 0):
        assert row(bench, act, Tensor.float).reason == ""


RANDOM: dict[str, Callable[[Tensor], Tensor]] = {
    "noise": lambda value: value + torch.rand_like(value),
    "little noise": lambda value: value + 1e-3 * torch.rand_like(value),
    "numbers of Python": lambda value: value * (1 + random.random()),
}


@pytest.mark.parametrize("name", RANDOM)
def test_a_wire_that_is_random_without_being_declared_so_is_named(name: str, bench: Artifacts) -> None:
    assert reason(bench, RANDOM[name]) == f"ContractError: {UNDECLARED}"


def test_a_wire_that_counts_messages_is_named(bench: Artifacts) -> None:
    count = itertools.count(1)

    assert reason(bench, lambda value: value * next(count)) == f"ContractError: {UNDECLARED}"


def test_a_random_wire_must_not_depend_on_its_neighbors(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Given, "stochastic", True)

    assert reason(bench, lambda value: value + torch.randn_like(value)) == ""
    assert "Expected wires that do not depend on the images beside them" in reason(
        bench, lambda value: value - value.mean(0, keepdim=True) + torch.randn_like(value)
    )
    assert "Expected wires that do not depend" in reason(bench, lambda value: value - value.mean(0, keepdim=True))


def seeded_noise(value: Tensor) -> Tensor:
    torch.manual_seed(0)
    return value + 0.01 * torch.randn_like(value)


def noise_of_an_own_generator(value: Tensor) -> Tensor:
    return value + 0.01 * torch.randn(value.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("stochastic", [True, False])
@pytest.mark.parametrize("act", [seeded_noise, noise_of_an_own_generator])
def test_noise_that_is_the_same_in_each_batch_is_named(
    act: Callable[[Tensor], Tensor], stochastic: bool, bench: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Given, "stochastic", stochastic)

    assert reason(bench, act) == f"ContractError: {PLACED}"
    assert bytes_row(bench, act).reason == f"ContractError: {PLACED}"


def test_a_channel_that_is_declared_random_must_not_add_the_same_noise_to_all_images(
    bench: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Given, "stochastic", True)

    assert reason(bench, lambda value: value + seeded_noise(value[:1])) == f"ContractError: {FIXED_NOISE}"
    assert reason(bench, lambda value: value) == ""  # such as noise of width 0


def test_noise_may_be_one_of_two_values(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Given, "stochastic", True)

    for _ in range(8):
        assert reason(bench, lambda value: value + torch.randint(2, (len(value), 1, 1, 1))) == ""


def test_randomness_of_the_operating_system_is_not_compared(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Given, "stochastic", True)

    def seal(value: Tensor) -> Tensor:
        pad = torch.frombuffer(bytearray(os.urandom(value.numel())), dtype=torch.uint8).view(value.shape)
        return value + pad.float()

    assert reason(bench, seal) == ""


@dataclass(frozen=True, kw_only=True)
class InBytes(SplitModel):
    """Sends the floats that its channel gives as byte strings."""

    def send(self, images: Tensor) -> Wire:
        sent = super().send(images).tensor
        shape = sent.shape[1:]

        def read(messages: tuple[bytes, ...]) -> Tensor:
            return torch.stack([torch.frombuffer(bytearray(each), dtype=torch.float32) for each in messages]).view(
                -1, *shape
            )

        return Wire(tuple(each.contiguous().numpy().tobytes() for each in sent), view=read)


def bytes_row(bench: Artifacts, act: Callable[[Tensor], Any]) -> Row:
    class SendsBytes(Defense):
        """Sends byte strings."""

        def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
            copy = model.copy()
            return InBytes(client=copy.client, server=copy.server, ir_channel=Given(act))

    return row_of(bench, SendsBytes())


def test_byte_strings_must_not_depend_on_their_neighbors(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bytes_row(bench, lambda value: value / 2).reason == ""
    assert "Expected wires that do not depend on" in bytes_row(bench, lambda value: value - value.mean(0)).reason
    assert bytes_row(bench, lambda value: value + torch.rand_like(value)).reason == f"ContractError: {UNDECLARED}"
    monkeypatch.setattr(Given, "stochastic", True)
    assert bytes_row(bench, lambda value: value + torch.rand_like(value)).reason == ""
    mixed = bytes_row(bench, lambda value: value - value.mean(0) + torch.rand_like(value))
    assert "Expected wires that do not depend on" in mixed.reason


def test_byte_strings_without_bytes_are_named(bench: Artifacts) -> None:
    told = bytes_row(bench, lambda value: value[:, :0]).reason

    assert told.startswith(
        "ContractError: Expected byte strings of at least one byte, one for each image, got 4 of 4 without any."
    )


def test_what_is_sent_instead_of_byte_strings_is_named(bench: Artifacts) -> None:
    def give(value: Tensor) -> Any:
        return tuple(bytearray(each.numpy().tobytes()) for each in value)

    assert reason(bench, give) == (
        "ContractError: Expected a channel that returns a tensor, got a tuple of bytearray. Return a tensor, or a "
        "tuple of byte strings."
    )


KINDS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], int]] = {
    "half": (Tensor.half, Tensor.float, 2),
    "double": (Tensor.double, Tensor.float, 8),
    "float8": (lambda value: value.to(torch.float8_e4m3fn), Tensor.float, 1),
    "8-bit integers": (lambda value: (20 * value).round().clamp(0, 255).byte(), lambda sent: sent / 20, 1),
    "64-bit integers": (lambda value: (20 * value).round().long(), lambda sent: sent / 20, 8),
    "truth values": (lambda value: value > 0.2, Tensor.float, 1),
    "complex numbers": (torch.fft.fft2, lambda sent: torch.fft.ifft2(sent).real, 8),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_wire_of_any_type_of_numbers_reaches_the_server_as_sent_and_the_attack_as_floats(
    name: str, bench: Artifacts
) -> None:
    act, read, size = KINDS[name]

    attacked = row(bench, act, read, attack="ridge")

    assert attacked.reason == ""
    assert attacked.wire_bytes == size * 8 * 12 * 12
    assert attacked.psnr_db > row(bench, act, read).psnr_db + 0.5


NO_NUMBERS = {
    "sparse": (
        Tensor.to_sparse,
        Tensor.to_dense,
        "dense tensor of numbers on the wire, got torch.float32, torch.sparse_coo",
    ),
    "one number": (
        lambda value: value.flatten(1).mean(1),
        lambda sent: sent[:, None, None, None].expand(-1, 8, 12, 12),
        "Expected a tensor (4, ...) with a row for each image, got (4,). Send (4, 1): add a dimension",
    ),
    "no number": (
        lambda value: value.flatten(1)[:, :0],
        lambda sent: sent.new_zeros(len(sent), 8, 12, 12),
        "at least one number for each image, got (4, 0).",
    ),
}


@pytest.mark.parametrize("name", NO_NUMBERS)
def test_a_wire_without_dense_rows_of_numbers_is_named(name: str, bench: Artifacts) -> None:
    act, read, words = NO_NUMBERS[name]

    assert words in row(bench, act, read, attack="ridge").reason


@pytest.mark.parametrize("packed", [-5, 0, float("nan"), [10, 10]])
def test_bytes_that_are_none_are_named(packed: Any, bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Given, "packed_bytes", lambda self, sent: packed)

    told = reason(bench, lambda value: value)

    assert (
        told
        == f"ContractError: Expected packed_bytes to return the bytes of one image, a number above 0, got {packed}. "
        "Count those of one image, or return None."
    )


def test_bytes_of_messages_that_differ_in_length_are_their_mean(bench: Artifacts) -> None:
    seen = list[int]()

    def count(observed: Observation) -> Tensor:
        seen.extend(len(message) for message in observed.wire.payload)
        return observed.aux.images.mean(0).expand(len(seen), -1, -1, -1)

    record = outcome(bench, count, defense="codec")

    assert len(set(seen)) > 1
    assert record.row.wire_bytes == sum(seen) / len(seen)
