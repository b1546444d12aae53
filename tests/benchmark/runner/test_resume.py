"""Runs into a folder with records."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from mia_bench.benchmark import registry
from mia_bench.benchmark.evaluation import perceptual
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.interfaces import Model
from mia_bench.benchmark.leaderboard.loading import load_boards
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.runner import resume
from mia_bench.benchmark.runner.jobs import CellResult
from mia_bench.benchmark.runner.kept_results import keep_result
from mia_bench.benchmark.runner.options import RunOptions
from mia_bench.benchmark.runner.progress import Listener
from mia_bench.benchmark.runner.resume import prepare
from mia_bench.benchmark.runner.run import execute

from ...helpers.boards import cell


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
    ridge = registry.load(registry.find("attacks", "ridge"))
    with monkeypatch.context() as broken:
        broken.setattr(ridge, "reconstruct", None)
        first = execute(prepare([request], where, bench), where, bench, Listener())
    reference_finished_at = next(one.row.finished_at for one in first if one.row.attack == "mean_image")

    second = execute(prepare([request], where, bench), where, bench, Listener())

    assert [one.row.status for one in first] == ["failed", "done"]
    assert [one.row.status for one in second] == ["done", "done"]
    assert second[1].row.finished_at == reference_finished_at


def test_a_measure_that_is_asked_for_later_fills_its_column(
    bench: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(perceptual, "_efficientnet", lambda: lambda images: images.flatten(1))
    out = tmp_path / "results"
    request = Request(dataset="imagefolder:size=16", model="lenet5", splits=["conv1"], attacks=["ridge"], images=4)
    request = request.model_copy(update={"defenses": ["undefended"]})
    wanted = RunOptions(out=out, perceptual=cast(Any, "imagenet_distance"))
    runs = [
        execute(prepare([request], where, bench), where, bench, Listener()) for where in (RunOptions(out=out), wanted)
    ]

    assert [one.row.imagenet_distance for one in runs[0]] == [None, None]
    assert all(one.row.imagenet_distance for one in runs[1])
    assert [one.row.psnr_db for one in runs[0]] == [one.row.psnr_db for one in runs[1]]
    assert {one.row.cell_id: one.row for one in runs[1]} == {row.cell_id: row for row in load_boards([out])[0]}
    assert all(each.finished for where in (RunOptions(out=out), wanted) for each in prepare([request], where, bench))


def test_a_record_keeps_the_measures_that_a_later_run_does_not_compute(tmp_path: Path) -> None:
    place, done = RunOptions(out=tmp_path), cell("undefended", "{}", "ridge", 20)
    for name in ("lpips", "imagenet_distance"):
        record = done.model_copy(update={"row": done.row.model_copy(update={name: 0.5})})
        kept = keep_result(CellResult(record), place).row

    assert (kept.lpips, kept.imagenet_distance, kept.ms_ssim) == (0.5, 0.5, None)


def test_lpips_of_another_backbone_replaces_the_old_value(tmp_path: Path) -> None:
    place, done = RunOptions(out=tmp_path), cell("undefended", "{}", "ridge", 20)
    for value, backbone in ((0.5, "a1"), (0.7, "b2")):
        row = done.row.model_copy(update={"lpips": value})
        keep_result(CellResult(done.model_copy(update={"row": row, "notes": {"lpips_backbone": backbone}})), place)
    distance = done.row.model_copy(update={"imagenet_distance": 0.2})
    kept = keep_result(CellResult(done.model_copy(update={"row": distance})), place)

    assert (kept.row.lpips, kept.row.imagenet_distance) == (0.7, 0.2)
    assert kept.notes == {"lpips_backbone": "b2"}


def test_a_cell_that_is_measured_again_keeps_its_ratings_and_no_outdated_note(tmp_path: Path) -> None:
    place, done = RunOptions(out=tmp_path), cell("undefended", "{}", "ridge", 20)
    rated = {"details": {"recognized_by_people": 0.5}, "notes": {"lpips": "It needs the package lpips."}}
    keep_result(CellResult(done.model_copy(update=rated)), place)

    kept = keep_result(CellResult(done.model_copy(update={"row": done.row.model_copy(update={"lpips": 0.5})})), place)

    assert kept.details["recognized_by_people"] == 0.5
    assert "lpips" not in kept.notes


def test_a_measure_that_cannot_be_computed_is_no_reason_to_compute_a_cell_again(
    bench: Artifacts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    where = RunOptions(out=tmp_path / "results", perceptual=cast(Any, ["lpips"]))
    request = Request(dataset="imagefolder:size=16", model="lenet5", splits=["conv1"], attacks=["ridge"], images=4)
    request = request.model_copy(update={"defenses": ["undefended"]})
    records = execute(prepare([request], where, bench), where, bench, Listener())

    assert {one.notes["lpips"] for one in records} == {"It needs images of at least 31 pixels a side, got (16, 16)."}
    assert caplog.messages[0] == f"The column lpips stays empty for imagefolder:size=16. {records[0].notes['lpips']}"
    assert all(each.finished for each in prepare([request], where, bench))


def test_weights_that_code_loads_are_given_weights_on_the_data_of_a_plug_in(
    bench: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loads_weights.py").write_text(
        "from torch import nn\n\ndef net(classes):\n    made = nn.Sequential(nn.Flatten(), nn.Linear(768, classes))\n"
        "    nn.init.ones_(made[1].weight)\n    nn.init.zeros_(made[1].bias)\n    return made\n"
    )
    monkeypatch.chdir(tmp_path)
    request = Request(
        dataset="imagefolder:size=16", model="python:build=loads_weights:net", splits=["0"], attacks=["ridge"], images=4
    )
    known = bench.facts(plan(request)[0].setting.dataset)
    of_plug_in = [
        replace(cell, setting=replace(cell.setting, dataset=replace(dataset, entry=replace(entry, package="other"))))
        for cell in plan(request)
        for dataset in [cell.setting.dataset]
        for entry in [dataset.entry]
    ]
    monkeypatch.setattr(resume, "plan", lambda *_: of_plug_in)
    monkeypatch.setattr(resume, "try_settings", lambda settings, _: ((setting, known, ("0",)) for setting in settings))
    bench = Artifacts(device=bench.device, data_dir=None, load=lambda _: pytest.fail("loaded in this process"))

    planned = prepare([request], RunOptions(out=tmp_path / "results"), bench)

    model = cast(Model, planned[0].cell.setting.model.component)
    assert model.given_weights is not None
