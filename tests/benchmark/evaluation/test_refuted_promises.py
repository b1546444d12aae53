"""Attacks that know the private images are found out, and refute what a defense promises."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.benchmark import registry
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.interfaces import (
    Attack,
    Channel,
    Defense,
    ImageSet,
    Observation,
    Promise,
    SplitModel,
)
from mia_bench.benchmark.leaderboard.auditing import audit
from mia_bench.benchmark.plan.cells import Cell, Setting
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.benchmark.utils.cache import digest
from torch import Tensor

from ...helpers.cells import Scripted, gray, outcome, setting

BEATS_BOUND = "beats-identification-bound"


class Faint(Channel):
    """Noise that is far too weak for the epsilon of ``Boasting``."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return value + 1e-4 * torch.randn_like(value)


class Boasting(Defense):
    """Promises what it does not keep."""

    guarantee: ClassVar[str] = "(eps, delta)-local DP"
    words: str = ""

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        promise = Promise(self.words, epsilon=0.01, delta=1e-5)
        return dataclasses.replace(model.copy(), ir_channel=Faint(), promise=promise)


def test_private_images_among_the_attackers_own_are_counted(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = bench.observe

    def generous(setting: Setting, attack: Attack) -> Observation:
        seen = honest(setting, attack)
        seen.aux.images[:3] = bench.originals(setting)[:3]
        return seen

    monkeypatch.setattr(bench, "observe", generous)

    assert outcome(bench, gray).details["aux_overlap"] == 3


def test_an_attack_that_has_seen_the_private_images_is_found_out(bench: Artifacts) -> None:
    noisy = dataclasses.replace(setting(bench, "dp_ir:sigma=50"), images=12)
    bench.pools(noisy.dataset).aux.images.mul_(0.3)  # so that the mean of the private images is worth knowing
    secret = bench.originals(noisy).clone()

    def flags(act: Callable[[Observation], Any]) -> list[str]:
        attack = type("Acting", (Scripted,), {"act": staticmethod(act)})()
        entry = Entry(kind="attacks", name="acting", target="t:Acting", package="third-party", version="7")
        reference = ResolvedComponent(registry.find("attacks", "mean_image"), MeanImage())
        cells = {digest("cheat"): ResolvedComponent(entry, attack), digest("reference"): reference}
        records = {name: evaluate(Cell(noisy, chosen), name, bench)[0] for name, chosen in cells.items()}
        return [flag.name for flag in audit([record.row for record in records.values()], records)]

    assert flags(lambda seen: secret) == ["beats-bound", BEATS_BOUND, "exact-behind-noise"]
    assert flags(lambda seen: secret.mean(0).expand_as(secret)) == ["ignores-wire"]
    assert flags(lambda seen: seen.aux.images.mean(0).expand_as(secret)) == []


@pytest.mark.parametrize(
    ("words", "told"), [("(0.01, 1e-5)-local DP", [BEATS_BOUND]), ("DP of the training images", [])]
)
def test_an_attack_that_identifies_images_refutes_a_false_epsilon(
    words: str, told: list[str], bench: Artifacts
) -> None:
    entry = Entry(kind="defenses", name="boasting", target="t:Boasting", package="third-party", version=words)
    noisy = dataclasses.replace(setting(bench), images=12, defense=ResolvedComponent(entry, Boasting(words=words)))
    secret = bench.originals(noisy).clone()
    attack = type("Acting", (Scripted,), {"act": staticmethod(lambda seen: secret)})()
    attacking = Entry(kind="attacks", name="acting", target="t:Acting", package="third-party", version="7")
    record = evaluate(Cell(noisy, ResolvedComponent(attacking, attack)), digest(words), bench)[0]

    assert record.row.reason == ""
    assert record.row.identified == 1
    assert [flag.name for flag in audit([record.row], {record.row.cell_id: record})] == told


@pytest.mark.parametrize(
    ("defense", "told"),
    [("tee", [BEATS_BOUND]), ("secret_sharing", [BEATS_BOUND]), ("tee:exit=relu3", [])],
)
def test_an_attack_that_identifies_images_refutes_secrecy(defense: str, told: list[str], bench: Artifacts) -> None:
    sealed = dataclasses.replace(setting(bench, defense), images=12)
    secret = bench.originals(sealed).clone()
    attack = type("Acting", (Scripted,), {"act": staticmethod(lambda seen: secret)})()
    entry = Entry(kind="attacks", name="acting", target="t:Acting", package="third-party", version="7")
    record = evaluate(Cell(sealed, ResolvedComponent(entry, attack)), digest(defense), bench)[0]

    assert record.row.bound_identified == (pytest.approx(1 / 12, abs=1e-5) if told else None)
    assert ("overheard" in record.notes) == (defense != "tee")  # several servers, or an IR that leaves an enclave
    assert [flag.name for flag in audit([record.row], {record.row.cell_id: record})] == told
