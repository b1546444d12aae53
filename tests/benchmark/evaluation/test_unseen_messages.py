"""A device that sends more after the wire, which no attack sees."""

from dataclasses import dataclass, replace

import pytest
import torch
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.interfaces import Exchange, ImageSet, Promise, SplitModel, Wire
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.plan.cells import Cell
from mia_bench.benchmark.registry.specs import resolve
from mia_bench.benchmark.utils.cache import digest
from mia_bench.defenses._dp.noise_channel import NoiseChannel

from ...helpers.tried_defenses import Protect, row_of, setting_with


@dataclass(frozen=True, kw_only=True)
class Refined(SplitModel):
    """Sends as many bytes again where the server asks, and it always asks."""

    def exchange(self, wire: Wire) -> Exchange:
        once = super().exchange(wire)
        return replace(once, more_bytes_up=wire.nbytes, rounds=2)


@dataclass(frozen=True, kw_only=True)
class Overheard(Refined):
    """States what it sends in all."""

    def overheard(self, images: torch.Tensor) -> Wire:
        return Wire(torch.cat([self.send(images).tensor] * 2, 1))


def refined(kind: type[SplitModel], promise: Promise) -> Protect:
    def protect(model: SplitModel, _: ImageSet) -> SplitModel:
        noise = NoiseChannel(noise="gaussian", sigma=1.0, clip=None)
        return kind(client=model.client, server=model.server, ir_channel=noise, promise=promise)

    return protect


def record_of(bench: Artifacts, kind: type[SplitModel], promise: Promise) -> Record:
    cell = Cell(setting_with(bench, refined(kind, promise)), resolve("attacks", "mean_image", {}))
    return evaluate(cell, digest("some-cell"), bench)[0]


def test_unseen_bytes_are_in_the_record_and_there_is_no_bound(bench: Artifacts) -> None:
    record, seen = record_of(bench, Refined, Promise()), record_of(bench, SplitModel, Promise())

    assert record.row.status == "done"
    assert record.details["unseen_bytes"] * 2 == record.row.wire_bytes
    assert "bound_identified_gallery" in seen.details
    assert "bound_identified_gallery" not in record.details


def test_an_epsilon_that_does_not_hold_for_all_that_is_sent_is_refused(bench: Artifacts) -> None:
    row = row_of(bench, refined(Refined, Promise("(1, 0)-local DP", 1.0, 0.0)))

    assert row.status == "failed"
    assert row.reason is not None
    assert "Expected wires that hold all that is sent under an epsilon, got" in row.reason


@pytest.mark.parametrize("promise", [Promise("(1, 0)-local DP", 1.0, 0.0), Promise()])
def test_a_defense_that_states_all_messages_is_measured(bench: Artifacts, promise: Promise) -> None:
    assert "unseen_bytes" not in record_of(bench, Overheard, promise).details
