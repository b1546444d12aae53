"""A sample of reported cells is computed again; what differs, and what cannot be computed, is named."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.store import read_records
from mia_bench.benchmark.runner.options import RunOptions
from mia_bench.benchmark.verification.comparison import Comparison
from mia_bench.benchmark.verification.deviation import Deviation
from mia_bench.benchmark.verification.verify import Verdict, choose, judge_together, verify

from ...helpers.commands import run
from ...helpers.trees import image_tree
from .test_comparison import scored


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verification")
    image_tree(folder / "images")
    assert (
        run(folder / "images", folder / "results", "--attack", "ridge", "--defense", "dp_ir:sigma=0.1").exit_code == 0
    )
    return folder


@pytest.fixture
def reported(folder: Path) -> Record:
    records = read_records(folder / "results").values()
    return next(each for each in records if (each.row.attack, each.row.defense) == ("ridge", "dp_ir"))


def changed(record: Record, **changes: Any) -> Record:
    return record.model_copy(update={"row": record.row.model_copy(update=changes)})


def verified(folder: Path, out: Path, record: Record, **changes: Any) -> Verdict:
    """The verdict on one record, some columns of which are changed."""
    options = RunOptions(out=out, data_dir=folder / "images", device="cpu")
    (verdict,) = verify([changed(record, **changes)], options, cells=3)
    return verdict


def test_an_honest_cell_is_verified(folder: Path, tmp_path: Path, reported: Record) -> None:
    assert verified(folder, tmp_path, reported).outcome == "verified"


@pytest.mark.parametrize("column", ["psnr_db", "ssim", "accuracy"])
def test_a_changed_score_differs(folder: Path, tmp_path: Path, reported: Record, column: str) -> None:
    value = getattr(reported.row, column) * 0.6

    verdict = verified(folder, tmp_path, reported, **{column: value})

    assert verdict.outcome == "differs"
    assert verdict.reason.startswith(f"Expected {column} from ")


def test_forged_facts_and_measures_differ(folder: Path, tmp_path: Path, reported: Record) -> None:
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
    folder: Path, tmp_path: Path, reported: Record, changes: dict[str, Any], reason: str
) -> None:
    verdict = verified(folder, tmp_path, reported, **changes)

    assert verdict.outcome == "not re-run"
    assert reason in verdict.reason


def test_cells_of_the_mean_image_are_sampled_and_unfinished_ones_are_not(folder: Path, tmp_path: Path) -> None:
    records = [each for each in read_records(folder / "results").values() if each.row.defense == "undefended"]
    options = RunOptions(out=tmp_path, data_dir=folder / "images", device="cpu")

    verdicts = verify([*records, changed(records[0], status="failed")], options, cells=5, seed=0)

    assert sorted((each.row.attack, each.outcome) for each in verdicts) == [
        ("mean_image", "verified"),
        ("ridge", "verified"),
    ]


def test_a_forged_mean_image_differs(folder: Path, tmp_path: Path) -> None:
    records = read_records(folder / "results").values()
    mean = next(each for each in records if (each.row.attack, each.row.defense) == ("mean_image", "dp_ir"))
    assert mean.row.psnr_db is not None

    assert verified(folder, tmp_path, mean, psnr_db=mean.row.psnr_db + 3).outcome == "differs"


def test_each_defense_is_sampled_before_one_is_sampled_twice(reported: Record) -> None:
    cells = [changed(reported, defense=defense, seed=seed) for defense in "abc" for seed in range(30)]

    for seed in range(10):
        few, more = (choose(cells, count, random.Random(seed)) for count in (3, 7))
        assert sorted(each.row.defense for each in few) == ["a", "b", "c"]
        assert set(Counter(each.row.defense for each in more).values()) == {2, 3}
        assert {each.row.seed for each in few} != {0}


def test_cells_of_the_mean_image_are_sampled_last(reported: Record) -> None:
    attacks = ("ridge", "mean_image")
    cells = [changed(reported, defense=defense, attack=attack) for defense in "ab" for attack in attacks]

    for seed in range(10):
        chosen = choose(cells, 3, random.Random(seed))
        assert [each.row.attack for each in chosen] == ["ridge", "ridge", "mean_image"]


def test_a_cell_that_is_reproduced_shows_that_the_network_of_the_others_is_the_same(
    folder: Path, tmp_path: Path, reported: Record
) -> None:
    """Its images scatter, and their mean is lower by less than another network explains."""
    values = [value - 0.2 + 0.3 * (-1) ** number for number, value in enumerate(reported.per_image.psnr_db)]
    ssim = [value - 0.004 * (-1) ** number for number, value in enumerate(reported.per_image.ssim)]
    forged = scored(reported, values, ssim)
    plain = next(
        each
        for each in read_records(folder / "results").values()
        if (each.row.attack, each.row.defense) == ("ridge", "undefended")
    )
    options = RunOptions(out=tmp_path, data_dir=folder / "images", device="cpu")

    (alone,) = verify([forged], options, cells=2)
    together = verify([forged, plain], options, cells=2)

    assert alone.outcome == "within chance"
    assert {each.row.defense: each.outcome for each in together} == {"undefended": "verified", "dp_ir": "differs"}


def leaning(record: Record, lean: float, *, target: float, cell_id: str) -> Verdict:
    """The verdict on a cell whose scores use a part of their room."""
    names = ("psnr_db", "ssim", "identified", "accuracy", "agreement", "accuracy_undefended")
    deviations = {name: Deviation(name, 0.5, 0.5, rounding=0.0, room=0.1) for name in names}
    for name in ("psnr_db", "ssim", "identified"):
        deviations[name] = Deviation(name, 0.5 - 0.1 * lean, 0.5, rounding=0.0, room=0.1)
    deviations["accuracy_undefended"] = Deviation("accuracy_undefended", 0.5 + target, 0.5, rounding=0.0, room=0.1)
    row = record.row.model_copy(update={"cell_id": cell_id})
    return Verdict(row, "verified", comparison=Comparison(deviations=deviations, same_network=False, exact=False))


def test_deviations_that_favor_the_author_in_all_cells_differ(reported: Record) -> None:
    favorable = [leaning(reported, 0.6, target=0.0, cell_id=str(number)) for number in range(3)]
    mixed = [leaning(reported, lean, target=0.0, cell_id=str(lean)) for lean in (0.6, -0.6, 0.5)]
    of_one_network = [leaning(reported, 0.6, target=0.01, cell_id=str(number)) for number in range(3)]

    together = judge_together(favorable)

    assert {each.outcome for each in together} == {"differs"}
    assert together[0].reason.startswith(
        "The deviations of 3 sampled cells favor the author. Together they use 1.04 of"
    )
    assert judge_together(mixed) == mixed
    assert judge_together(of_one_network) == of_one_network
    assert judge_together(favorable[:1]) == favorable[:1]
