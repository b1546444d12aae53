"""Comparison of boards: planted changes are found, nothing else is, and nothing is compared that is not alike."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.compare.differences import Difference, compare
from mia_bench.benchmark.compare.frames import full, short
from mia_bench.benchmark.compare.matching import MATCH_COLUMNS, ComparedBoard
from mia_bench.benchmark.compare.remarks import remarks
from mia_bench.benchmark.compare.significance import paired
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard.loading import BoardRow
from mia_bench.benchmark.leaderboard.records import Record

from ..leaderboard.test_ranking import record

DECIBELS = [10.0, 12.0, 15.0, 11.0, 13.0, 16.0, 18.0, 12.5]
BETTER = [each + 0.5 + 0.1 * at for at, each in enumerate(DECIBELS)]
SIGMA = ["dataset", "model", "split", "defense", "attack", "seed"]


def cell(attack: str, decibels: Sequence[float] = DECIBELS, *, version: str = "", **facts: Any) -> Record:
    names = {key: json.dumps(facts.pop(key, {})) for key in ("defense_params", "attack_params")}
    mean = sum(decibels) / len(decibels)
    facts = {"psnr_db_low": mean - 1, "psnr_db_high": mean + 1, "ssim_low": 0.08, "ssim_high": 0.12} | names | facts
    facts["cell_id"] = "-".join((attack, *names.values(), str(facts.get("seed", 0)), version))
    return record("dp_ir", attack, list(decibels), [0.1] * len(decibels), **facts)


MEAN = cell("mean_image", [9.0, 9.5, 8.0, 9.1, 9.2, 9.9, 8.8, 9.3])
OTHER_IMAGES = cell("mean_image", [9.5, 9.0, 8.0, 9.1, 9.2, 9.9, 8.8, 9.3], version="2")


def side(*cells: Record, at_hand: bool = True, name: str = "board") -> ComparedBoard:
    return ComparedBoard(
        Path(name), [BoardRow(each.row.model_dump(exclude_none=True), each if at_hand else None) for each in cells]
    )


def published(**values: Any) -> ComparedBoard:
    row = {"dataset": "d", "model": "m", "split": "s", "defense": "dp_ir", "source": "paper, Table 1"} | values
    return ComparedBoard(Path("paper"), [BoardRow(row)], published=True)


def states(differences: Sequence[Difference]) -> list[str]:
    return [each.state for each in differences]


def test_a_board_and_itself_are_the_same() -> None:
    board = side(MEAN, cell("ridge"), cell("ridge", attack_params={"observations": 16}))

    found = compare(board, board)

    assert states(found) == ["same"] * 3
    assert not [change for each in found for change in each.changes.values() if change.delta or change.p is not None]


def test_changed_missing_and_added_cells_are_told_apart() -> None:
    before = side(MEAN, cell("ridge"), cell("pinv"))
    after = side(MEAN, cell("ridge", BETTER, version="2"), cell("nearest"))

    found = compare(before, after)

    assert states(found) == ["same", "changed", "missing", "added"]
    assert found[1].changes["psnr_db"].delta == pytest.approx(0.85)
    assert found[1].changes["ssim"].delta == found[1].changes["accuracy"].delta == 0
    assert (found[2].changes["psnr_db"].before, found[3].changes["psnr_db"].before) == (13.4375, None)


def test_the_same_images_are_tested_image_by_image_with_holm_over_all_tests() -> None:
    slightly = [each + (0.1 if at else -0.3) for at, each in enumerate(DECIBELS)]
    before = side(MEAN, cell("ridge"), cell("pinv"))
    after = side(MEAN, cell("ridge", BETTER, version="2"), cell("pinv", slightly, version="2"))

    _, ridge, pinv = (each.changes["psnr_db"] for each in compare(before, after))

    small, large = (paired(DECIBELS, after)[2] for after in (BETTER, slightly))
    assert small is not None
    assert large is not None
    assert small < large
    assert (ridge.test, pinv.test) == ("paired", "paired")
    assert ridge.p == pytest.approx(2 * small)
    assert pinv.p == pytest.approx(max(2 * small, large))
    assert ridge.significant


@pytest.mark.parametrize(
    ("mean_before", "mean_after", "at_hand"),
    [(MEAN, OTHER_IMAGES, True), (MEAN, None, True), (None, MEAN, True), (None, None, True), (MEAN, MEAN, False)],
)
def test_images_that_may_be_others_are_not_paired_and_the_intervals_are_used(
    mean_before: Record | None, mean_after: Record | None, at_hand: bool
) -> None:
    before = side(*filter(None, [mean_before, cell("ridge")]), at_hand=at_hand)
    after = side(*filter(None, [mean_after, cell("ridge", BETTER, version="2")]), at_hand=at_hand)

    ridge = next(
        each.changes["psnr_db"] for each in compare(before, after) if each.a and each.a.value("attack") == "ridge"
    )

    assert ridge.test == "intervals"
    assert ridge.p == pytest.approx(0.239, abs=0.001)  # 0.85 / (2**0.5 / 1.96) = 1.178 standard errors


def test_other_numbers_of_images_are_not_paired() -> None:
    shorter = cell("ridge", BETTER[:4], version="2"), cell("mean_image", [9.0, 9.5, 8.0, 9.1])

    ridge = compare(side(MEAN, cell("ridge")), side(*shorter))[-1].changes["psnr_db"]

    assert ridge.test == "intervals"


def test_noise_against_more_noise_takes_other_columns() -> None:
    before, after = (side(cell("ridge", defense_params={"sigma": sigma})) for sigma in (0.1, 0.5))

    assert states(compare(before, after)) == ["missing", "added"]
    assert states(compare(before, after, SIGMA)) == ["same"]


def test_several_partners_are_refused_with_the_column_that_tells_them_apart() -> None:
    after = side(*(cell("ridge", defense_params={"sigma": sigma}) for sigma in (0.5, 0.7)), name="swept")

    with pytest.raises(
        UsageError, match=r"one cell of swept .* got 2 that differ in defense_params: .* Add defense_params"
    ):
        compare(side(cell("ridge", defense_params={"sigma": 0.1})), after, SIGMA)


def test_seeds_are_averaged_image_by_image_where_they_are_not_matched() -> None:
    def pair(first: Sequence[float], second: Sequence[float]) -> ComparedBoard:
        return side(MEAN, cell("ridge", first), cell("ridge", second, seed=1))

    worse = [each - 1 for each in DECIBELS]
    mixed = compare(pair(DECIBELS, worse), pair(worse, DECIBELS), [name for name in MATCH_COLUMNS if name != "seed"])

    assert [each.changes["psnr_db"].delta for each in mixed] == [0, 0]
    assert mixed[1].changes["psnr_db"].p is None
    assert [each.changes["psnr_db"].delta for each in compare(pair(DECIBELS, worse), pair(worse, DECIBELS))] == [
        0,
        -1,
        1,
    ]


def test_a_published_row_matches_what_agrees_with_what_it_says_and_the_seeds_are_averaged() -> None:
    ours = side(
        *(cell("black_box", BETTER, attack_params={"aux": "same_set", "epochs": 9}, seed=seed) for seed in (0, 1)),
        cell("black_box", attack_params={"aux": "random", "epochs": 9}),
    )
    paper = published(attack="black_box", attack_params='{"aux":"same_set"}', psnr_db=14.0, n_images=10)

    found = compare(paper, ours)

    assert states(found) == ["changed", "added"]
    assert found[0].b is not None
    assert [entry.values["seed"] for entry in found[0].b.entries] == [0, 1]
    assert found[0].changes["psnr_db"].delta == pytest.approx(0.2875)
    assert (found[0].changes["psnr_db"].test, found[0].changes["ssim"].delta) == ("", None)
    assert compare(ours, paper)[0].changes["psnr_db"].delta == pytest.approx(-0.2875)


def test_a_parameter_that_an_older_version_did_not_have_counts_as_its_default() -> None:
    old = side(cell("white_box", attack_params={"iterations": 150}))
    same, other = (
        side(cell("white_box", BETTER, attack_params={"iterations": 150, "adaptive": adaptive}))
        for adaptive in (True, False)
    )

    assert states(compare(old, same)) == ["changed"]
    assert states(compare(old, other)) == ["missing", "added"]


def test_boards_of_different_protocol_are_refused() -> None:
    with pytest.raises(UsageError, match="got 1 in a and 2 in b"):
        compare(side(cell("ridge"), name="a"), side(cell("ridge", protocol=2), name="b"))


def test_twins_of_other_versions_are_refused() -> None:
    with pytest.raises(UsageError, match="but of different data or versions"):
        compare(side(cell("ridge"), cell("ridge", version="2")), side(cell("ridge")))


def test_a_cell_that_failed_is_changed_and_has_no_change() -> None:
    failed = cell("ridge", status="failed", reason="no memory")

    (found,) = compare(side(cell("ridge")), side(failed))

    assert found.state == "changed"
    assert (found.changes["psnr_db"].delta, found.changes["psnr_db"].p) == (None, None)


def test_a_seed_that_failed_on_one_board_is_averaged_on_neither() -> None:
    before = side(MEAN, cell("ridge"), cell("ridge", [each + 10 for each in DECIBELS], seed=1))
    after = side(MEAN, cell("ridge"), cell("ridge", seed=1, status="failed", reason="no memory"))

    (_, ridge) = compare(before, after, SIGMA[:-1])

    assert ridge.state == "changed"
    assert (ridge.changes["psnr_db"].before, ridge.changes["psnr_db"].delta) == (13.4375, 0)


def test_a_utility_that_is_no_accuracy_is_compared() -> None:
    before, after = (
        side(cell("ridge", task="regression", utility=value, utility_metric="r2", accuracy=None))
        for value in (0.8, 0.7)
    )
    differences = compare(before, after)

    assert states(differences) == ["changed"]
    assert differences[0].changes["utility"].delta == pytest.approx(-0.1)
    assert "utility" in short(differences)[1].columns
    assert "utility" not in short(compare(side(cell("ridge")), side(cell("ridge", accuracy=0.5))))[1].columns


def test_utilities_of_different_metrics_have_no_difference_and_one_sentence_names_the_metrics() -> None:
    def board(**facts: Any) -> ComparedBoard:
        return side(*(cell(name, agreement=0.5, **facts) for name in ("mean_image", "ridge")))

    multi_label = board(task="multi-label", utility=0.9, utility_metric="mean_average_precision", accuracy=None)
    accuracy = board(utility=0.9, utility_metric="accuracy", accuracy=0.9)
    extra = ["agreement"]

    differences = compare(multi_label, accuracy, extra=extra)

    assert states(differences) == ["changed", "changed"]
    assert [each.changes[name].delta for each in differences for name in ("utility", "agreement")] == [None] * 4
    assert full(differences)["utility_change"].isna().all()
    assert short(differences)[1]["utility"].tolist() == ["0.900 -> 0.900"] * 2
    assert [each for each in remarks(differences, multi_label, accuracy, MATCH_COLUMNS) if "utility" in each] == [
        "Differences of utility and agreement are left out in 2 cells, since utility_metric is mean_average_precision "
        "in A and accuracy in B."
    ]
    same = compare(multi_label, multi_label, extra=extra)
    assert states(same) == ["same", "same"]
    assert "left out" not in " ".join(remarks(same, multi_label, multi_label, MATCH_COLUMNS))


def test_a_utility_without_a_metric_as_of_papers_is_subtracted() -> None:
    ours = side(cell("ridge", task="regression", utility=0.8, utility_metric="r2", accuracy=None))

    (found,) = compare(published(attack="ridge", attack_params="{}", utility=0.7), ours)

    assert found.changes["utility"].delta == pytest.approx(0.1)


def test_cells_with_other_ids_are_told() -> None:
    a, b = side(MEAN, cell("ridge")), side(OTHER_IMAGES, cell("ridge"))

    assert "1 pair of cells with different ids" in " ".join(remarks(compare(a, b), a, b, MATCH_COLUMNS))
    assert "different ids" not in " ".join(remarks(compare(a, a), a, a, MATCH_COLUMNS))
