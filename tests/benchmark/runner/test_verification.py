"""A sample of reported cells is computed again; what differs, and what cannot be computed, is named."""

from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.records import Row
from mia_bench.benchmark.leaderboard.store import read_records
from mia_bench.benchmark.runner.options import RunOptions
from mia_bench.benchmark.runner.verification import Verdict, verify

from ...helpers.commands import run
from ...helpers.trees import image_tree


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verification")
    image_tree(folder / "images")
    assert (
        run(folder / "images", folder / "results", "--attack", "ridge", "--defense", "dp_ir:sigma=0.1").exit_code == 0
    )
    return folder


@pytest.fixture
def reported(folder: Path) -> Row:
    rows = [record.row for record in read_records(folder / "results").values()]
    return next(row for row in rows if (row.attack, row.defense) == ("ridge", "dp_ir"))


def verified(folder: Path, out: Path, row: Row, **changes: Any) -> Verdict:
    """The verdict on one row, some columns of which are changed."""
    options = RunOptions(out=out, data_dir=folder / "images", device="cpu")
    (verdict,) = verify([row.model_copy(update=changes)], options, cells=3)
    return verdict


def test_an_honest_cell_is_verified(folder: Path, tmp_path: Path, reported: Row) -> None:
    assert verified(folder, tmp_path, reported).outcome == "verified"


@pytest.mark.parametrize("column", ["psnr_db", "ssim", "accuracy"])
def test_a_changed_score_differs(folder: Path, tmp_path: Path, reported: Row, column: str) -> None:
    value = getattr(reported, column) * 0.6

    verdict = verified(folder, tmp_path, reported, **{column: value})

    assert verdict.outcome == "differs"
    assert verdict.reason.startswith(f"Expected {column} from ")


def test_forged_facts_and_measures_differ(folder: Path, tmp_path: Path, reported: Row) -> None:
    forged = {"epsilon": 0.001, "guarantee": "perfect", "identified": 0.0, "leak_r2": 0.0, "wire_bytes": 1.0}

    verdict = verified(folder, tmp_path, reported, **forged)

    assert verdict.outcome == "differs"
    assert all(column in verdict.reason for column in forged)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "python:build=antigravity:fly"}, "names a file, code or an object of another machine: python:build"),
        ({"defense": "somebody_elses"}, "somebody_elses"),
        ({"cell_id": "0" * 16}, "Its identity is 0000000000000000, but the installed versions"),
        ({"seed": 1}, "but the installed versions"),
    ],
)
def test_a_cell_that_cannot_be_computed_is_named(
    folder: Path, tmp_path: Path, reported: Row, changes: dict[str, Any], reason: str
) -> None:
    verdict = verified(folder, tmp_path, reported, **changes)

    assert verdict.outcome == "not re-run"
    assert reason in verdict.reason


def test_the_sample_leaves_out_unfinished_cells_and_the_reference_attack(folder: Path, tmp_path: Path) -> None:
    rows = [record.row for record in read_records(folder / "results").values()]
    options = RunOptions(out=tmp_path, data_dir=folder / "images", device="cpu")

    verdicts = verify([row for row in rows if row.defense == "undefended"], options, cells=5, seed=0)

    assert [(each.row.attack, each.outcome) for each in verdicts] == [("ridge", "verified")]
