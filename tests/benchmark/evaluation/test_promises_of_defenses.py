"""Guarantees of defenses that nothing backs are refused."""

import os
import zlib
from dataclasses import replace
from typing import Any

import pytest
from mia_bench import Channel, ImageSet, Promise, SplitModel
from mia_bench.benchmark.evaluation.artifacts import Artifacts
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
