"""Cells: what becomes of components that misbehave, and what a row and its record hold."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark import registry
from mia_bench.benchmark.errors import Inapplicable, UsageError
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.evaluation.scoring import compare_samples
from mia_bench.benchmark.interfaces import (
    Attack,
    Channel,
    Defense,
    ImageSet,
    Observation,
    Promise,
    Reconstruction,
    SplitModel,
)
from mia_bench.benchmark.leaderboard.auditing import audit
from mia_bench.benchmark.leaderboard.ranking import rank
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.results_folder import record_path
from mia_bench.benchmark.leaderboard.store import read_record, write_record
from mia_bench.benchmark.plan.cells import Cell, Setting
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.benchmark.utils.cache import digest
from mia_bench.defenses.dp_ir import DpIr
from mia_bench.models.lenet5 import Lenet5
from torch import Tensor, nn

from ...helpers.cells import Scripted, gray, outcome, setting

BEATS_BOUND = "beats-identification-bound"


def explode(seen: Observation) -> Tensor:
    raise RuntimeError("boom\nin two lines")


def decline(seen: Observation) -> Tensor:
    raise Inapplicable("not here")


MISBEHAVIOR = {
    "raises": (explode, "failed", "RuntimeError: boom in two lines"),
    "has no meaning": (decline, "inapplicable", "not here"),
    "wrong count": (
        lambda seen: gray(seen)[1:],
        "failed",
        "Expected images (4, 3, 16, 16) from the attack, got (3, 3, 16, 16)",
    ),
    "no tensor": (lambda seen: None, "failed", "got NoneType"),
    "nan": (lambda seen: gray(seen) * torch.nan, "failed", "Expected finite values in [0, 1]"),
    "bad member": (
        lambda seen: Reconstruction(gray(seen), "a", {"a": gray(seen), "b": gray(seen)[1:]}),
        "failed",
        "Expected images (4, 3, 16, 16) from the attack, got (3, 3, 16, 16)",
    ),
    "out of range": (
        lambda seen: gray(seen) * 3,
        "failed",
        "Expected finite values in [0, 1] from the attack, got values in [1.5, 1.5]",
    ),
}


@pytest.mark.parametrize(("act", "status", "reason"), MISBEHAVIOR.values(), ids=MISBEHAVIOR)
def test_a_misbehaving_attack_is_a_row_with_its_reason_and_no_score(
    act: Callable[[Observation], Any], status: str, reason: str, bench: Artifacts
) -> None:
    row = outcome(bench, act).row

    assert row.status == status
    assert reason in row.reason
    assert (row.psnr_db, row.ssim, row.recognisable) == (None, None, None)
    assert row.accuracy is not None


def test_a_behaving_attack_is_scored_and_its_package_named(bench: Artifacts) -> None:
    row = outcome(bench, gray).row

    assert row.status == "done"
    assert row.plugin_version == "third-party==7"


def test_the_members_of_an_attack_are_scored_beside_what_it_selected(bench: Artifacts) -> None:
    first, second, third, fourth = bench.originals(setting(bench))

    def attack(seen: Observation) -> Reconstruction:
        plain = gray(seen)
        left = torch.stack([first, second, plain[2], plain[3]])
        right = torch.stack([plain[0], plain[1], third, fourth])
        return Reconstruction(right, "right", {"left": left, "right": right})

    record = outcome(bench, attack)

    assert record.notes == {"selected": "right"}
    assert record.details["oracle_psnr_db"] == pytest.approx(100)
    assert record.details["oracle_ssim"] == pytest.approx(1)
    assert record.details["right_psnr_db"] == pytest.approx(record.row.psnr_db)
    assert record.details["right_ssim"] == pytest.approx(record.row.ssim)
    assert record.details["left_psnr_db"] < 100
    assert record.details["bytes_down"] > 0


def test_the_record_says_how_much_the_samples_of_an_attack_differ(bench: Artifacts) -> None:
    originals = bench.originals(setting(bench))

    def attack(seen: Observation) -> Reconstruction:
        images = gray(seen)
        return Reconstruction(images, samples=torch.stack([images - 0.1, images, images + 0.1]))

    record = outcome(bench, attack)

    assert record.details["posterior_spread"] == pytest.approx(0.1, abs=1e-4)
    expected = (originals - 0.5).square().mean().div(1 + 1 / 3).sqrt().item()
    assert record.details["posterior_error"] == pytest.approx(expected, abs=1e-4)
    assert "posterior_spread" not in outcome(bench, gray).details


def test_samples_that_vary_as_the_truth_does_have_an_error_as_large_as_their_spread() -> None:
    torch.manual_seed(0)
    found = compare_samples(torch.randn(4, 500, 1, 4, 4), torch.randn(500, 1, 4, 4))

    assert found["posterior_error"] == pytest.approx(found["posterior_spread"], rel=0.02)


def test_ssim_and_recognisable_are_those_of_the_member_selected_by_ssim(bench: Artifacts) -> None:
    originals = bench.originals(setting(bench))

    def attack(seen: Observation) -> Reconstruction:
        return Reconstruction(gray(seen), "gray", {"gray": gray(seen), "true": originals}, "true")

    record = outcome(bench, attack)

    assert record.notes == {"selected": "gray", "selected_by_ssim": "true"}
    assert record.row.psnr_db == pytest.approx(record.details["gray_psnr_db"])
    assert record.row.ssim == pytest.approx(record.details["true_ssim"]) == 1
    assert record.row.recognisable == 1
    assert record.per_image.ssim == [1.0] * 4
    assert max(record.per_image.psnr_db) < 100


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


def test_an_attack_of_one_piece_has_no_members(bench: Artifacts) -> None:
    record = outcome(bench, gray)

    assert record.notes == {}
    assert not [name for name in record.details if name.endswith(("_psnr_db", "_ssim"))]


def tell(monkeypatch: pytest.MonkeyPatch, told: Any) -> None:
    """Have ``dp_ir`` give a model with these details."""

    class Telling(SplitModel):
        def details(self, images: Tensor, labels: Tensor, logits: Tensor) -> dict[str, float]:
            return told

    monkeypatch.setattr(DpIr, "protect", lambda self, model, train: Telling(client=model.client, server=model.server))


def test_what_a_defense_cannot_tell_as_a_number_is_left_out_and_named(
    bench: Artifacts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tell(monkeypatch, {"plain": 2.0, "endless": math.inf, "unknown": math.nan})

    record = outcome(bench, gray, defense="dp_ir")
    write_record(tmp_path, record)

    assert record.row.status == "done"
    assert record.details["plain"] == 2
    assert record.notes == {"left_out": "endless=inf, unknown=nan"}
    assert read_record(record_path(tmp_path, record.row.cell_id)) == record


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"word": "much"}, "Expected details to return numbers by name, got 'word': 'much'."),
        ({1: 2}, "Expected details to return numbers by name, got 1: 2."),
        (None, "Expected details to return a dictionary of numbers by name, got NoneType."),
        ({"chance": 0.0}, "Expected other names in details than those of what is measured, got 'chance'."),
        ({"bound_psnr_db_high": 3.0}, "Expected other names in details than those of what is measured, got 'bound_"),
    ],
)
def test_a_defense_that_tells_no_number_fails_alone(
    told: Any, reason: str, bench: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, told)

    row = outcome(bench, gray, defense="dp_ir").row

    assert row.status == "failed"
    assert row.reason.startswith(f"ContractError: {reason}")


def test_a_dataset_that_cannot_be_loaded_is_bad_input_and_named() -> None:
    def load(dataset: ResolvedComponent) -> Any:
        raise KeyError("no such file")

    bench = Artifacts(device=torch.device("cpu"), data_dir=None, load=load)

    named = r"The dataset imagefolder:size=16 of package mia-bench .* cannot be loaded: KeyError: 'no such file'\."
    with pytest.raises(UsageError, match=named):
        setting(bench)


def test_a_model_that_cannot_be_built_is_bad_input_and_named(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(self: Lenet5, image_shape: tuple[int, int, int], classes: int) -> Any:
        raise TypeError("boom")

    monkeypatch.setattr(Lenet5, "build", build)

    with pytest.raises(UsageError, match=r"Expected a model for the \(3, 16, 16\) images .* fails \(boom\)\."):
        setting(bench)


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


def test_private_images_among_the_attackers_own_are_counted(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = bench.observe

    def generous(setting: Setting, attack: Attack) -> Observation:
        seen = honest(setting, attack)
        seen.aux.images[:3] = bench.originals(setting)[:3]
        return seen

    monkeypatch.setattr(bench, "observe", generous)

    assert outcome(bench, gray).details["aux_overlap"] == 3


class Faint(Channel):
    """Noise that is far too weak for the epsilon of ``Boasting``."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return value + 1e-6 * torch.randn_like(value)


class Boasting(Defense):
    """Promises what it does not keep."""

    guarantee: ClassVar[str] = "(eps, delta)-local DP"
    words: str = ""

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        promise = Promise(self.words, epsilon=0.01, delta=1e-5)
        return dataclasses.replace(model.copy(), ir_channel=Faint(), promise=promise)


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
