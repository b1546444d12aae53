"""Guarantees of defenses that nothing backs are refused."""

import os
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from mia_bench import Channel, ImageSet, Promise, SplitModel, Wire
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.length_contract import _differ_by_column
from mia_bench.benchmark.evaluation.wire_contract import NOT_RANDOM, UNDECLARED_EPSILON
from torch import Tensor

from ...helpers.tried_defenses import Noise, row_of


@pytest.mark.parametrize("promise", [Promise("perfect secrecy"), Promise("none: a control", secrecy=True)])
def test_a_guarantee_in_words_without_ciphertexts_is_refused(promise: Promise, bench: Artifacts) -> None:
    told = row_of(bench, lambda model, train: replace(model.copy(), promise=promise))

    assert f"Expected an epsilon or ciphertexts for the guarantee {promise.guarantee!r}, " in told.reason


class Zipped(Channel):
    """Sends what zlib makes of a value, with a random byte in front."""

    stochastic = True

    def forward(self, value: Tensor) -> Any:
        return tuple(os.urandom(1) + zlib.compress(each.numpy().tobytes()) for each in value)


def test_byte_strings_that_hardly_differ_are_no_ciphertexts(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), ir_channel=Zipped(), promise=Promise("AES-256", secrecy=True))

    assert "Expected an epsilon or ciphertexts for the guarantee 'AES-256', " in row_of(bench, protect).reason


class Padded(Channel):
    """Adds pads that are used again to the bytes of a value, behind a fresh nonce."""

    stochastic = True

    def __init__(self, pads: int) -> None:
        super().__init__()
        self.pads = pads

    def forward(self, value: Tensor) -> Any:
        sent, random = [], np.random.default_rng(0)
        pads = random.integers(0, 256, (self.pads, value[0].numel() * 4), dtype=np.uint8)
        for each in value:
            pad = pads[int(torch.randint(self.pads, ()))]
            content = np.frombuffer(each.numpy().tobytes(), np.uint8)
            sent.append(os.urandom(12) + (content ^ pad).tobytes())
        return tuple(sent)


@pytest.mark.parametrize("pads", [16, 200])
def test_messages_that_repeat_sometimes_are_no_ciphertexts(pads: int, bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), ir_channel=Padded(pads), promise=Promise("one-time pad", secrecy=True))

    assert "or that repeats if one image is sent often" in row_of(bench, protect).reason


class Sealed(Channel):
    """Encrypts what zlib makes of a value, and pads it to a length."""

    stochastic = True

    def __init__(self, padded: int) -> None:
        super().__init__()
        self.padded = padded

    def forward(self, value: Tensor) -> Any:
        self.shape = value.shape[1:]
        small = [zlib.compress(each.numpy().tobytes()).ljust(self.padded) for each in value]
        return tuple(AESGCM(AESGCM.generate_key(128)).encrypt(os.urandom(12), each, None) for each in small)

    def read(self, wire: Wire) -> Tensor:
        return torch.zeros(len(wire), *self.shape)


@pytest.mark.parametrize(("padded", "told_apart"), [(0, True), (1_000_000, False)])
def test_lengths_that_tell_images_apart_break_a_promise_of_secrecy(
    padded: int, told_apart: bool, bench: Artifacts
) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), ir_channel=Sealed(padded), promise=Promise("AES-128", secrecy=True))

    told = row_of(bench, protect)

    assert ("whose lengths do not depend on the image" in (told.reason or "")) == told_apart
    assert (told.status == "done") == (not told_apart)


def test_lengths_that_differ_by_chance_alone_are_accepted() -> None:
    torch.manual_seed(0)
    lengths = torch.randint(300, 310, (1000, 4, 8), dtype=torch.float64)

    assert not any(map(_differ_by_column, lengths))
    assert _differ_by_column(lengths[0] + 20 * torch.arange(8))


def test_an_epsilon_without_randomness_is_refused(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), promise=Promise("(0.1, 1e-6)-local DP", epsilon=0.1, delta=1e-6))

    told = row_of(bench, protect)

    assert told.reason == f"ContractError: {NOT_RANDOM}"
    assert told.epsilon is None


def test_an_epsilon_of_a_class_without_a_guarantee_is_refused(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), ir_channel=Noise(), promise=Promise("(2, 0)-local DP", epsilon=2.0, delta=0.0))

    assert row_of(bench, protect).reason == f"ContractError: {UNDECLARED_EPSILON.format(2.0)}"
