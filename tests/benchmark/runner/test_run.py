"""Cells and runs: what components may see, what becomes of those that misbehave, what is shared."""

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
from mia_bench.benchmark.interfaces import Access, Attack, ImageSet, Observation, Reconstruction, SplitModel
from mia_bench.benchmark.leaderboard.audits import audit
from mia_bench.benchmark.leaderboard.store import Record, read_record, record_path, write_record
from mia_bench.benchmark.plan.cells import Cell, Setting
from mia_bench.benchmark.plan.request import Request, plan
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.benchmark.runner.options import RunOptions
from mia_bench.benchmark.runner.progress import Listener
from mia_bench.benchmark.runner.resume import prepare
from mia_bench.benchmark.runner.run import execute
from mia_bench.benchmark.utils.cache import digest
from mia_bench.defenses.dp_ir import DpIr
from mia_bench.models.lenet5 import Lenet5
from torch import Tensor

from ...helpers.trees import image_tree


@pytest.fixture
def bench(tmp_path: Path) -> Artifacts:
    return Artifacts(device=torch.device("cpu"), data_dir=image_tree(tmp_path / "images"))


def setting(bench: Artifacts, defense: str = "undefended", *, split: str = "conv1") -> Setting:
    request = Request(
        dataset="imagefolder:size=16", model="lenet5", splits=[split], defenses=[defense], attacks=["ridge"], images=4
    )
    found = plan(request)[-1].setting
    bench.check(found)
    return found


class Scripted(Attack):
    """Does what a test says."""

    access: ClassVar[Access] = Access.BLACK_BOX
    act: ClassVar[Callable[[Observation], Any]]

    def reconstruct(self, seen: Observation) -> Tensor | Reconstruction:
        return type(self).act(seen)


def outcome(
    bench: Artifacts,
    act: Callable[[Observation], Any],
    access: Access = Access.BLACK_BOX,
    defense: str = "undefended",
) -> Record:
    attack = type("Acting", (Scripted,), {"act": staticmethod(act), "access": access})()
    entry = Entry(kind="attacks", name="acting", target="t:Acting", package="third-party", version="7")
    return evaluate(Cell(setting(bench, defense), ResolvedComponent(entry, attack)), digest("some-cell"), bench)[0]


def gray(seen: Observation) -> Tensor:
    return torch.full((len(seen.wire), *seen.image_shape), 0.5)


def explode(seen: Observation) -> Tensor:
    raise RuntimeError("boom\nin two lines")


def decline(seen: Observation) -> Tensor:
    raise Inapplicable("not here")


MISBEHAVIOR = {
    "raises": (explode, "failed", "RuntimeError: boom in two lines"),
    "has no meaning": (decline, "inapplicable", "not here"),
    "wrong count": (lambda seen: gray(seen)[1:], "failed", "returned (3, 3, 16, 16); expected images (4, 3, 16, 16)"),
    "no tensor": (lambda seen: None, "failed", "returned NoneType"),
    "nan": (lambda seen: gray(seen) * torch.nan, "failed", "expected finite values in [0, 1]"),
    "bad member": (
        lambda seen: Reconstruction(gray(seen), "a", {"a": gray(seen), "b": gray(seen)[1:]}),
        "failed",
        "returned (3, 3, 16, 16); expected images (4, 3, 16, 16)",
    ),
    "out of range": (lambda seen: gray(seen) * 3, "failed", "values in [1.5, 1.5]; expected finite values in [0, 1]"),
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


def test_a_defense_that_tells_no_number_fails_alone(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, {"word": "much"})

    row = outcome(bench, gray, defense="dp_ir").row

    assert (row.status, row.reason) == ("failed", "ValueError: could not convert string to float: 'much'")


def test_a_dataset_that_cannot_be_loaded_is_bad_input_and_named() -> None:
    def load(dataset: ResolvedComponent) -> Any:
        raise KeyError("no such file")

    bench = Artifacts(device=torch.device("cpu"), data_dir=None, load=load)

    named = r"dataset imagefolder:size=16 of package mia-bench .* cannot be loaded: KeyError: 'no such file'"
    with pytest.raises(UsageError, match=named):
        setting(bench)


def test_a_model_that_cannot_be_built_is_bad_input_and_named(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(self: Lenet5, image_shape: tuple[int, int, int], classes: int) -> Any:
        raise TypeError("boom")

    monkeypatch.setattr(Lenet5, "build", build)

    with pytest.raises(UsageError, match=r"model lenet5 cannot take the \(3, 16, 16\) images of .* \(boom\)"):
        setting(bench)


def test_an_attack_of_one_piece_has_no_members(bench: Artifacts) -> None:
    record = outcome(bench, gray)

    assert record.notes == {}
    assert not [name for name in record.details if name.endswith(("_psnr_db", "_ssim"))]


def test_an_observation_has_no_place_for_private_images_or_labels() -> None:
    fields = {field.name for field in dataclasses.fields(Observation)}

    assert fields == {"wire", "aux", "classes", "channel", "query", "client", "server", "structure"}


GRANTS = {
    Access.WHITE_BOX: {"query", "client"},
    Access.BLACK_BOX: {"query"},
    Access.QUERY_FREE: {"server", "structure"},
}


@pytest.mark.parametrize(("access", "granted"), GRANTS.items())
def test_an_attack_gets_what_its_access_grants_and_nothing_else(
    access: Access, granted: set[str], bench: Artifacts
) -> None:
    found: set[str] = set()

    def look(seen: Observation) -> Tensor:
        found.update(name for name in ("query", "client", "server", "structure") if getattr(seen, name) is not None)
        return gray(seen)

    outcome(bench, look, access)

    assert found == granted


def test_no_private_image_is_in_what_an_attack_sees(bench: Artifacts) -> None:
    private = {image.numpy().tobytes() for image in bench.pools(setting(bench).dataset).private.images}
    seen_images: list[ImageSet] = []

    def look(seen: Observation) -> Tensor:
        seen_images.append(seen.aux)
        return gray(seen)

    outcome(bench, look)

    assert not private & {image.numpy().tobytes() for image in seen_images[0].images}


def test_an_attack_that_destroys_what_it_was_given_harms_no_other(bench: Artifacts) -> None:
    before = bench.protected(setting(bench)).model.client[1].weight.clone()
    wire = bench.protected(setting(bench)).wire.tensor.clone()
    aux = bench.pools(setting(bench).dataset).aux.images.clone()

    def vandalize(seen: Observation) -> Tensor:
        assert seen.client is not None
        for parameter in seen.client.parameters():
            parameter.requires_grad_(False).zero_()
        seen.wire.tensor.zero_()
        seen.aux.images.zero_()
        return gray(seen)

    outcome(bench, vandalize, Access.WHITE_BOX)

    assert torch.equal(bench.protected(setting(bench)).model.client[1].weight, before)
    assert torch.equal(bench.protected(setting(bench)).wire.tensor, wire)
    assert torch.equal(bench.pools(setting(bench).dataset).aux.images, aux)


def test_noise_on_the_wire_is_fresh_for_queries_and_fixed_for_the_observed_wire(bench: Artifacts) -> None:
    noisy = setting(bench, "dp_ir:sigma=0.5")
    attack = Scripted()

    first, second = bench.observe(noisy, attack), bench.observe(noisy, attack)
    assert first.query is not None
    queries = [first.query(first.aux.images).tensor for _ in range(2)]

    assert torch.equal(first.wire.tensor, second.wire.tensor)
    assert not torch.equal(*queries)


def test_repeated_observations_are_merged_for_the_wire_and_for_queries(bench: Artifacts) -> None:
    noisy, plain = setting(bench, "dp_ir:sigma=0.8"), setting(bench)
    clean = bench.observe(plain, MeanImage()).wire.tensor
    seen = bench.observe(noisy, Ridge(observations=16))
    assert seen.query is not None
    images = seen.aux.images[:16]

    queried = seen.query(images).tensor - bench.observe(plain, Ridge()).query(images).tensor  # type: ignore[misc]

    assert (seen.wire.tensor - clean).std().item() == pytest.approx(0.8 / 4, rel=0.05)
    assert queried.std().item() == pytest.approx(0.8 / 4, rel=0.05)
    assert getattr(seen.channel, "sigma") == pytest.approx(0.8 / 4)  # noqa: B009
    assert (bench.observe(noisy, Ridge()).wire.tensor - clean).std().item() == pytest.approx(0.8, rel=0.05)


def test_repeated_observations_of_a_repeatable_wire_are_the_wire_itself(bench: Artifacts) -> None:
    plain = setting(bench)
    assert torch.equal(
        bench.observe(plain, Ridge(observations=16)).wire.tensor, bench.observe(plain, Ridge()).wire.tensor
    )


def test_zero_noise_is_the_undefended_model(bench: Artifacts) -> None:
    silent, plain = bench.protected(setting(bench, "dp_ir:sigma=0")), bench.protected(setting(bench))

    assert torch.equal(silent.wire.tensor, plain.wire.tensor)
    assert silent.accuracy == plain.accuracy


def test_failed_cells_are_tried_again_and_finished_ones_are_not(
    bench: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = RunOptions(out=tmp_path / "results")
    request = Request(
        dataset="imagefolder:size=16",
        model="lenet5",
        splits=["conv1"],
        defenses=["undefended"],
        attacks=["ridge"],
        images=4,
    )
    ridge = registry.find("attacks", "ridge").load()
    with monkeypatch.context() as broken:
        broken.setattr(ridge, "reconstruct", lambda self, seen: explode(seen))
        first = execute(prepare([request], where, bench), where, bench, Listener())
    reference_finished_at = next(one.row.finished_at for one in first if one.row.attack == "mean_image")

    second = execute(prepare([request], where, bench), where, bench, Listener())

    assert [one.row.status for one in first] == ["failed", "done"]
    assert [one.row.status for one in second] == ["done", "done"]
    assert second[1].row.finished_at == reference_finished_at


def test_the_reference_attack_leaks_nothing_and_a_defense_with_a_density_has_a_bound(bench: Artifacts) -> None:
    def record(defense: str, attack: Attack) -> Record:
        entry = registry.find("attacks", type(attack).__name__.lower().replace("meanimage", "mean_image"))
        return evaluate(Cell(setting(bench, defense), ResolvedComponent(entry, attack)), digest("some-cell"), bench)[0]

    noisy, often = record("dp_ir:sigma=30", MeanImage()), record("dp_ir:sigma=30", Ridge(observations=9))
    plain = record("undefended", Ridge())

    assert noisy.row.leak_r2 == pytest.approx(0, abs=1e-4)
    assert noisy.row.bound_psnr_db is not None
    assert often.row.bound_psnr_db is not None
    assert often.row.bound_psnr_db > noisy.row.bound_psnr_db
    assert noisy.details["identified_chance"] == pytest.approx(1 / 24, abs=1e-5)
    assert noisy.details["aux-overlap"] == 0
    assert {"bound_psnr_db_estimate", "bound_identified", "evaluator_agreement"} <= set(noisy.details)
    assert plain.row.bound_psnr_db is None
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

    assert outcome(bench, gray).details["aux-overlap"] == 3


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

    assert flags(lambda seen: secret) == ["beats-bound"]
    assert flags(lambda seen: secret.mean(0).expand_as(secret)) == ["ignores-wire"]
    assert flags(lambda seen: seen.aux.images.mean(0).expand_as(secret)) == []


def test_every_plan_has_the_reference_attack_and_the_undefended_model() -> None:
    cells = plan(Request(attacks=["ridge"], defenses=["dp_ir"]))

    assert [(cell.setting.defense.name, cell.attack.name) for cell in cells] == [
        ("undefended", "ridge"),
        ("undefended", "mean_image"),
        ("dp_ir", "ridge"),
        ("dp_ir", "mean_image"),
    ]


def test_cells_that_differ_in_a_parameter_have_labels_that_tell_them_apart() -> None:
    size = {"name": "photos", "size": 96}
    requests = [
        Request(dataset=dataset, model=model, splits=["stage1"], attacks=["ridge"], defenses=["dp_ir:sigma=0.5"])
        for dataset in ("photos", size)
        for model in ("plain", "plain:depth=3")
    ]

    labels = [cell.label for cell in plan(*requests)]

    assert len(set(labels)) == len(labels) == 4 * 4
    assert "photos:size=96 plain:depth=3 stage1 dp_ir:sigma=0.5 seed 0 ridge" in labels


def test_without_names_a_plan_has_all_standard_attacks_and_all_built_in_defenses() -> None:
    cells = plan(Request())

    assert {cell.setting.defense.name for cell in cells} == set(registry.names("defenses"))
    assert {cell.attack.name for cell in cells} == {
        *("auto", "black_box", "encoder_decoder", "mean_image", "query_free", "ridge", "white_box")
    }


def test_everything_a_score_depends_on_changes_the_cell() -> None:
    def ids(**change: Any) -> str:
        request = Request(**{"attacks": ["ridge"], "defenses": ["dp_ir"], "images": 4, **change})
        return plan(request)[-2].cell_id("data")

    variants = [
        ids(),
        ids(images=5),
        ids(seeds=[1]),
        ids(splits=["conv2"]),
        ids(model="cnn6", splits=["conv11"]),
        ids(defenses=["dp_ir:sigma=0.2"]),
        ids(attacks=["ridge:strength=0.1"]),
        ids(dataset="photos:size=40"),
        plan(Request(attacks=["ridge"], defenses=["dp_ir"], images=4))[-2].cell_id("other data"),
    ]

    assert len(set(variants)) == len(variants)
    assert ids() == variants[0]


def test_the_parts_of_a_suite_share_the_cells_that_they_have_in_common() -> None:
    first = Request(attacks=["ridge"], defenses=["dp_ir"])
    second = Request(attacks=["white_box"], defenses=["dp_ir"])

    cells = plan(first, second)

    assert [(cell.setting.defense.name, cell.attack.name) for cell in cells] == [
        (defense, attack) for defense in ("undefended", "dp_ir") for attack in ("ridge", "mean_image", "white_box")
    ]


def test_an_option_needs_an_owner_in_one_part_only() -> None:
    parts = [
        Request(attacks=[name], defenses=["dropout"], options={"form": ["patch"]}) for name in ("ridge", "nearest")
    ]

    assert {cell.attack.label for cell in plan(*parts)} == {"ridge:form=patch", "nearest", "mean_image"}
