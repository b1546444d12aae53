"""Every defense on a few images: a result or one sentence, and no figure without a warning that it says little."""

from pathlib import Path

import pytest
from mia_bench.benchmark import registry
from mia_bench.benchmark.leaderboard.auditing import audit
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.store import read_records
from mia_bench.benchmark.training import tuning

from ..helpers.trees import image_tree
from .answers import answer

SLOW = {"ckks"}
"""Encryption has tests of its own."""
DEFENSES = [name for name in registry.names("defenses") if name not in SLOW]


def results(folder: Path, *, per_class: int) -> dict[str, Record]:
    tree = image_tree(folder / "data", train=per_class, test=4)
    place = ("--model", "lenet5", "--split", "relu1", "--images", "4", "--out", folder / "out")
    words = [word for name in DEFENSES for word in ("--defense", name)]
    answer("run", "--dataset", "imagefolder:size=16", "--data-dir", tree, "--attack", "ridge", *words, *place)
    return read_records(folder / "out")


@pytest.mark.parametrize("per_class", [2, 7])
@pytest.mark.slow
def test_every_defense_on_a_few_images_gives_a_result_or_a_sentence(
    tmp_path: Path, per_class: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "MIN_STEPS_PER_EPOCH", 3)
    records = results(tmp_path, per_class=per_class)

    assert {record.row.defense for record in records.values()} == {*DEFENSES}
    for record in records.values():
        row = record.row
        assert row.status in ("done", "inapplicable"), (row.defense, row.reason)
        assert row.psnr_db is not None or row.reason, row.defense
        assert record.details["classes"] == 3
        assert record.details["chance"] == pytest.approx(1 / 3)
    doubts = {records[flag.cell_ids[0]].row.defense for flag in audit([each.row for each in records.values()], records)}
    assert "nopeek" not in doubts
