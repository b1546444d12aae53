"""Cells on images that stay on disk: they are read in batches, and score as they do in memory."""

from pathlib import Path

import pytest
import torch
from mia_bench.benchmark.datasets import _pixel_cache
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.interfaces import stored_images
from mia_bench.benchmark.interfaces.pixel_sources import PixelFile
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from torch import Tensor

from ...helpers.brief import shorten_training
from ...helpers.trees import image_tree

BATCH = 256
"""Images that are read at a time, at most; the training pool has 600."""


@pytest.mark.slow
@pytest.mark.parametrize("defense", ["undefended", "dp_ir", "nopeek", "quantize"])
def test_a_cell_reads_stored_images_in_batches_and_scores_as_in_memory(
    defense: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_training(monkeypatch)
    tree = image_tree(tmp_path / "images", train=250, test=80)
    request = Request(
        dataset="imagefolder:size=16", model="lenet5", split="relu1", attacks="mean_image", defenses=defense, images=4
    )
    cell = next(each for each in plan(request) if each.setting.defense.name == defense)
    dense, _ = evaluate(cell, "0" * 16, Artifacts(device=torch.device("cpu"), data_dir=tree))

    largest, read = 0, PixelFile.read

    def count(self: PixelFile, rows: Tensor) -> Tensor:
        nonlocal largest
        largest = max(largest, len(rows))
        return read(self, rows)

    monkeypatch.setattr(_pixel_cache, "MAX_FLOAT_BYTES", 1000)
    monkeypatch.setattr(stored_images, "PART_BYTES", 4 * 3 * 16 * 16 * BATCH)
    monkeypatch.setattr(PixelFile, "read", count)
    stored, _ = evaluate(cell, "0" * 16, Artifacts(device=torch.device("cpu"), data_dir=tree))

    assert (stored.row.status, stored.row.reason) == ("done", "")
    assert stored.row.psnr_db == pytest.approx(dense.row.psnr_db, abs=1e-3)
    assert stored.row.accuracy == dense.row.accuracy
    assert 0 < largest <= BATCH
