"""Runs into a folder with records."""

from pathlib import Path

import pytest
from mia_bench.benchmark import registry
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.runner.options import RunOptions
from mia_bench.benchmark.runner.progress import Listener
from mia_bench.benchmark.runner.resume import prepare
from mia_bench.benchmark.runner.run import execute


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
        broken.setattr(ridge, "reconstruct", None)
        first = execute(prepare([request], where, bench), where, bench, Listener())
    reference_finished_at = next(one.row.finished_at for one in first if one.row.attack == "mean_image")

    second = execute(prepare([request], where, bench), where, bench, Listener())

    assert [one.row.status for one in first] == ["failed", "done"]
    assert [one.row.status for one in second] == ["done", "done"]
    assert second[1].row.finished_at == reference_finished_at
