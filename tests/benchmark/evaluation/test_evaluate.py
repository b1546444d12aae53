"""What a row and its record hold, and what attacks and defenses do not see."""

import dataclasses
import math

import pytest
import torch
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark import registry
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.interfaces import (
    Attack,
    Defense,
    ImageSet,
    SplitModel,
)
from mia_bench.benchmark.leaderboard.ranking import rank
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.plan.cells import Cell
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.benchmark.utils.cache import digest
from torch import Tensor, nn

from ...helpers.cells import gray, outcome, setting


def test_a_behaving_attack_is_scored_and_its_package_named(bench: Artifacts) -> None:
    row = outcome(bench, gray).row

    assert row.status == "done"
    assert row.plugin_version == "third-party==7"


def test_the_reference_attack_leaks_nothing_and_a_defense_with_a_density_has_a_bound(bench: Artifacts) -> None:
    def record(defense: str, attack: Attack) -> Record:
        entry = registry.find("attacks", type(attack).__name__.lower().replace("meanimage", "mean_image"))
        return evaluate(Cell(setting(bench, defense), ResolvedComponent(entry, attack)), digest("some-cell"), bench)[0]

    noisy, often = record("dp_ir:sigma=30", MeanImage()), record("dp_ir:sigma=30", Ridge(observations=9))
    plain, faint = record("undefended", Ridge()), record("dp_ir:sigma=1e-9", MeanImage())

    assert faint.row.bound_psnr_db is faint.row.bound_identified is None  # 100 dB and 1 say nothing
    assert faint.details["bound_identified_gallery"] == 1
    assert str(noisy.row.leak_r2) == str(faint.row.leak_r2) == "0.0"  # not -0.0
    assert noisy.row.bound_psnr_db is not None
    assert often.row.bound_psnr_db is not None
    assert often.row.bound_psnr_db > noisy.row.bound_psnr_db
    assert noisy.details["identified_chance"] == pytest.approx(1 / 24, abs=1e-5)
    assert noisy.details["aux_overlap"] == 0
    assert {"bound_psnr_db_estimate", "bound_identified_gallery", "evaluator_agreement"} <= set(noisy.details)
    assert noisy.row.bound_identified == noisy.details["bound_identified_gallery"]
    assert plain.row.bound_psnr_db is plain.row.bound_identified is None
    assert plain.row.identified == 1
    assert plain.row.leak_r2 is not None
    assert plain.row.leak_r2 > 0.7


def test_where_the_distribution_of_images_is_known_the_gap_to_the_best_attack_is_recorded(
    bench: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = (bench.originals(setting(bench)) - 0.5).square().double().mean().item()
    assert outcome(bench, gray).row.attack_gap_db is None
    monkeypatch.setattr(bench, "least_mse", lambda *_: error / 10)

    record = outcome(bench, gray)

    details = record.details
    assert record.row.reason == ""
    assert record.row.attack_gap_db == pytest.approx(10, abs=1e-4)
    assert details["bound_van_trees_psnr_db"] == pytest.approx(10 - 10 * math.log10(error), abs=1e-4)


def test_zero_noise_is_the_undefended_model(bench: Artifacts) -> None:
    silent, plain = bench.protected(setting(bench, "dp_ir:sigma=0")), bench.protected(setting(bench))

    assert torch.equal(silent.wire.tensor, plain.wire.tensor)
    assert (silent.useful.utility, silent.useful.agreement) == (plain.useful.utility, 1.0)


def test_a_row_holds_rounds_bytes_down_and_the_bytes_of_the_client(bench: Artifacts) -> None:
    record, row = outcome(bench, gray), outcome(bench, gray).row

    classes = len(bench.pools(setting(bench).dataset).classes)
    assert (row.rounds, row.bytes_down) == (1, 4 * classes)
    assert row.client_params is not None
    assert row.client_param_bytes == 4 * row.client_params
    assert row.client_peak_bytes is not None
    assert row.wire_bytes is not None
    assert row.client_peak_bytes >= row.wire_bytes
    assert record.details.keys() >= {"client_spread_ms", "client_undefended_ms", "client_overhead_ms"}
    assert record.details.keys() >= {"client_added_ms", "server_macs", "server_param_bytes"}


class Inverted(nn.Module):
    """Multiplies by the inverse of the identity, which takes operations that are not counted."""

    def forward(self, value: Tensor) -> Tensor:
        return value * torch.linalg.inv(torch.eye(2))[0, 0]


class Solving(Defense):
    """Has a client with a solver."""

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        changed = model.copy()
        return dataclasses.replace(changed, client=nn.Sequential(*changed.client, Inverted()))


def test_a_record_notes_operations_that_are_missing_in_its_macs(bench: Artifacts) -> None:
    entry = Entry(kind="defenses", name="solving", target="t:Solving", package="third-party", version="1")
    solving = dataclasses.replace(setting(bench), defense=ResolvedComponent(entry, Solving()))
    reference = ResolvedComponent(registry.find("attacks", "mean_image"), MeanImage())
    noted, plain = (evaluate(Cell(each, reference), digest("macs"), bench)[0] for each in (solving, setting(bench)))

    assert noted.notes["client_macs"] == "Without the operations of aten.linalg_inv_ex."
    assert noted.row.client_macs == plain.row.client_macs
    assert "client_macs" not in plain.notes


def test_a_row_says_what_the_wire_tells_of_the_class_and_the_ranking_shows_it(bench: Artifacts) -> None:
    record, row = outcome(bench, gray), outcome(bench, gray).row
    (line,) = rank([row], {}).to_dict("records")

    assert row.attribute == line["attribute"] == "class"
    assert row.attribute_accuracy == line["attribute_accuracy"]
    assert row.attribute_gain == line["attribute_gain"]
    assert record.details["attribute_accuracy_low"] <= (row.attribute_accuracy or 0)


def test_attacks_and_defenses_do_not_see_attributes(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    here, plain = setting(bench), bench.pools(setting(bench).dataset)

    def known(pool: ImageSet) -> ImageSet:
        return dataclasses.replace(pool, attributes=torch.zeros(len(pool), 1))

    pools = dataclasses.replace(
        plain, train=known(plain.train), aux=known(plain.aux), private=known(plain.private), attributes=("age",)
    )
    monkeypatch.setattr(bench.targets, "pools", lambda *whole: pools)

    assert bench.observe(here, Ridge()).aux.attributes is None
    assert bench.training_images(here).attributes is None
