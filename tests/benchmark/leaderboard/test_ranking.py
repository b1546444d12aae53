"""Ranking, by hand on a small board."""

import json
from time import process_time
from typing import Any

import pandas as pd
import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard.csv_files import to_csv
from mia_bench.benchmark.leaderboard.ranking import rank, rank_scenarios, shorten
from mia_bench.benchmark.leaderboard.records import SCORES, PerImage, Record, Row
from mia_bench.benchmark.utils.cache import digest


def record(defense: str, attack: str, decibels: list[float], similarities: list[float], **facts: Any) -> Record:
    row = {
        "dataset": "d",
        "model": "m",
        "split": "s",
        "defense": defense,
        "defense_params": "{}",
        "attack": attack,
        "attack_params": "{}",
        "access": "black_box",
        "seed": 0,
        "n_images": len(decibels),
        "psnr_db": sum(decibels) / len(decibels),
        "ssim": sum(similarities) / len(similarities),
        "recognisable": sum(value >= 0.3 for value in similarities) / len(similarities),
        "accuracy": 0.9,
        "accuracy_undefended": 1.0,
        "accuracy_images": 100_000,
        "status": "done",
        "cell_id": f"{defense}-{attack}-{facts.get('seed', 0)}",
        "protocol": 1,
        "code_version": "0",
        "torch_version": "0",
        "device": "cpu",
        "finished_at": "now",
    }
    row |= facts
    row["cell_id"] = digest(row["cell_id"])
    if row["status"] != "done":
        return Record(row=Row(**(row | dict.fromkeys(SCORES))))
    return Record(row=Row(**row), per_image=PerImage(psnr_db=decibels, ssim=similarities))


def ranked(*records: Record, at_hand: bool = True) -> dict[str, dict[str, Any]]:
    frame = rank([one.row for one in records], {one.row.cell_id: one for one in records} if at_hand else {})
    return {line["defense"]: line for line in frame.to_dict(orient="records")}


TWO_ATTACKS = (
    record("a", "one", [10.0, 20.0], [0.1, 0.5]),
    record("a", "two", [16.0, 12.0], [0.2, 0.4]),
    record("a", "mean_image", [9.0, 11.0], [0.0, 0.0]),
)


def test_each_image_counts_by_its_best_reconstruction() -> None:
    line = ranked(*TWO_ATTACKS)["a"]

    assert line["psnr_db"] == pytest.approx((16 + 20) / 2)
    assert line["ssim"] == pytest.approx((0.2 + 0.5) / 2)
    assert line["recognisable"] == pytest.approx(0.5)
    assert line["leak_db"] == pytest.approx(18 - 10)
    assert (line["worst_attack"], line["worst_case"], line["attacks"]) == ("one", "per image", 2)
    assert line["accuracy_kept"] == pytest.approx(0.9)


def test_defenses_with_different_utility_metrics_are_not_compared() -> None:
    accuracy = record("a", "one", [10.0], [0.1], utility=0.9, utility_metric="accuracy")
    facts = {**REGRESSION, "task": "multi-label", "utility_metric": "mean_average_precision"}
    precision = record("b", "one", [12.0], [0.4], utility=0.4, **facts)

    with pytest.raises(
        UsageError, match=r"one utility metric for d m s with 1 image, got accuracy .* and mean_average_p"
    ):
        ranked(accuracy, precision)


@pytest.mark.parametrize("decibels", [[10.0, 10.0, 10.00002], [10.0, 10.0, 10.00001]], ids=["up", "down"])
@pytest.mark.parametrize("complete", [True, False])
def test_the_leak_is_exactly_zero_where_nothing_beats_the_mean_image_though_rows_are_rounded(
    decibels: list[float], complete: bool
) -> None:
    similarities = [0.1, 0.1, 0.5]
    rounded = {"psnr_db": round(sum(decibels) / 3, 5), "ssim": 0.23333, "recognisable": 0.33333}
    cells = [
        record("a", attack, decibels, similarities, seed=seed, **rounded)
        for attack in ("mean_image", "blind")
        for seed in (0, 1)
    ]
    kept = cells if complete else cells[:-1]
    rows, records = [each.row for each in kept], {each.row.cell_id: each for each in kept}

    for some in (records, {cells[0].row.cell_id: cells[0]}, {}):
        (line,) = rank(rows, some).to_dict(orient="records")

        assert (line["leak_db"], line["incomplete"]) == (0.0, not complete)
        assert line["recognisable"] == line["recognisable_mean_image"]


@pytest.mark.slow
def test_two_thousand_settings_of_one_scenario_are_ranked_in_seconds() -> None:
    rows = [
        record(
            "dp_ir",
            "ridge",
            [10.0 + index % 700 / 100],
            [0.1],
            defense_params=json.dumps({"sigma": 0.001 * index}),
            psnr_db_low=9.0,
            psnr_db_high=18.0,
            accuracy=0.5 + index % 300 / 1000,
            cell_id=str(index),
        ).row
        for index in range(2000)
    ]
    start = process_time()

    lines = shorten(rank(rows, {}))

    assert process_time() - start < 10  # 3 s, and 31 s where each setting is compared with each other one by one
    assert len(set(lines["defense"])) == 2000


def test_without_the_values_of_the_images_the_strongest_mean_stands_in_and_is_named() -> None:
    line = ranked(*TWO_ATTACKS, at_hand=False)["a"]

    assert line["psnr_db"] == pytest.approx(15)
    assert line["worst_case"] == "of means"


def test_seeds_are_averaged_and_not_maximized_over() -> None:
    line = ranked(record("a", "one", [10.0], [0.1]), record("a", "one", [20.0], [0.3], seed=1))["a"]

    assert line["psnr_db"] == pytest.approx(15)
    assert line["seeds"] == 2


def test_the_best_protected_comes_first_and_pareto_marks_what_nothing_beats_in_both() -> None:
    lines = ranked(
        record("strong", "one", [10.0] * 3, [0.1] * 3, accuracy=0.8),
        record("useful", "one", [15.0] * 3, [0.1] * 3, accuracy=0.9),
        record("bad", "one", [20.0] * 3, [0.1] * 3, accuracy=0.7),
        record("twin", "one", [15.0] * 3, [0.1] * 3, accuracy=0.9),
    )

    assert list(lines) == ["strong", "twin", "useful", "bad"]
    assert {name: line["pareto"] for name, line in lines.items()} == {
        "strong": True,
        "twin": True,
        "useful": True,
        "bad": False,
    }


def test_a_failed_or_missing_cell_makes_a_line_incomplete_and_never_private() -> None:
    failed = record("b", "two", [0.0], [0.0], status="failed", psnr_db=None, ssim=None)

    lines = ranked(
        record("a", "one", [10.0], [0.1]),
        record("a", "two", [12.0], [0.1]),
        record("b", "one", [11.0], [0.1]),
        failed,
        record("c", "two", [11.0], [0.1]),
    )

    assert {name: line["incomplete"] for name, line in lines.items()} == {"a": False, "b": True, "c": True}
    assert {name: line["pareto"] for name, line in lines.items()} == {"a": True, "b": False, "c": False}
    assert next(iter(lines)) == "a"
    assert lines["b"]["psnr_db"] == pytest.approx(11)


def test_an_attack_that_applies_to_no_defense_makes_none_incomplete() -> None:
    nowhere = {"status": "inapplicable", "psnr_db": None, "ssim": None}
    lines = ranked(
        record("a", "one", [10.0], [0.1]),
        record("a", "two", [0.0], [0.0], **nowhere),
        record("b", "one", [11.0], [0.1]),
        record("b", "two", [0.0], [0.0], **nowhere),
    )

    assert {name: line["incomplete"] for name, line in lines.items()} == {"a": False, "b": False}
    assert lines["a"]["pareto"]


def test_an_attack_that_applies_elsewhere_is_missed() -> None:
    nowhere = record("a", "two", [0.0], [0.0], status="inapplicable", psnr_db=None, ssim=None)
    lines = ranked(
        record("a", "one", [10.0], [0.1]), nowhere, *(record("b", name, [9.0], [0.1]) for name in ["one", "two"])
    )

    assert {name: line["incomplete"] for name, line in lines.items()} == {"a": True, "b": False}


def test_an_easy_sample_of_images_puts_nothing_on_the_front() -> None:
    lines = ranked(
        record("all", "one", [10.0], [0.1], accuracy=0.98, accuracy_undefended=0.98),
        record("sampled", "one", [10.0], [0.1], accuracy=0.985, accuracy_undefended=1.0),
    )

    assert {name: line["pareto"] for name, line in lines.items()} == {"all": True, "sampled": False}


def test_a_defense_without_any_score_comes_last() -> None:
    failed = record("a", "one", [0.0], [0.0], status="failed", psnr_db=None, ssim=None)

    assert list(ranked(failed, record("b", "one", [50.0], [1.0]))) == ["b", "a"]


def test_operations_and_parameters_stay_whole_beside_a_defense_without_a_score() -> None:
    measured = record("a", "one", [20.0], [0.5], client_macs=470_400, client_params=608)
    failed = record("b", "one", [0.0], [0.0], status="failed")

    (_, first, second) = to_csv(rank([measured.row, failed.row], {})).splitlines()

    assert (",470400,608," in first, ",,,,," in second) == (True, True)


def test_rows_of_different_versions_are_not_merged() -> None:
    cells = f"Cells {digest('a-one-0')} and {digest('other')} are both one on a"
    with pytest.raises(UsageError, match=f"{cells}, but of different data or versions"):
        ranked(record("a", "one", [10.0], [0.1]), record("a", "one", [12.0], [0.1], cell_id="other"))


def test_an_empty_board_gives_an_empty_ranking_with_all_columns() -> None:
    assert "psnr_db" in rank([], {}).columns


def test_scenarios_are_not_mixed() -> None:
    frame = rank(
        [
            record("a", "one", [10.0], [0.1], split="s").row,
            record("a", "one", [20.0], [0.1], split="t", cell_id="x").row,
        ],
        {},
    )

    assert frame["split"].tolist() == ["s", "t"]
    assert frame["pareto"].tolist() == [True, True]


def test_a_line_names_the_audits_that_its_cells_fail_and_no_other_line_does() -> None:
    lines = ranked(
        record("a", "ridge", [20.0] * 8, [0.1] * 8),
        record("a", "white_box", [15.0] * 8, [0.1] * 8, access="white_box"),
        record("a", "black_box", [12.0] * 8, [0.1] * 8),
        record("b", "ridge", [20.0] * 8, [0.1] * 8),
    )

    assert lines["a"]["flags"] == "below-linear-decoder black-box-beats-white-box"
    assert lines["b"]["flags"] == ""


def test_sorting_by_another_column_keeps_incomplete_lines_behind() -> None:
    cells = [
        record("a", "one", [10.0], [0.1], accuracy=0.7, wire_bytes=30.0),
        record("a", "two", [10.0], [0.1], accuracy=0.7, wire_bytes=30.0),
        record("b", "one", [20.0], [0.1], accuracy=0.9, wire_bytes=10.0),
        record("b", "two", [20.0], [0.1], accuracy=0.9, wire_bytes=10.0),
        record("c", "one", [5.0], [0.1], accuracy=1.0, wire_bytes=1.0),
        record("d", "one", [15.0], [0.1], accuracy=0.8),
        record("d", "two", [15.0], [0.1], accuracy=0.8),
    ]
    rows, records = [one.row for one in cells], {one.row.cell_id: one for one in cells}

    def order(column: str) -> list[str]:
        return rank(rows, records, column)["defense"].tolist()

    assert order("psnr_db") == ["a", "d", "b", "c"]
    assert order("accuracy") == ["b", "d", "a", "c"]
    assert order("wire_bytes") == ["b", "a", "d", "c"]
    assert order("defense") == ["a", "b", "d", "c"]
    with pytest.raises(UsageError, match=r"got 'acuracy'\. Did you mean 'accuracy'"):
        order("acuracy")


def test_sorting_by_the_front_puts_it_first_and_keeps_who_beats_whom() -> None:
    cells = [
        record(name, "one", [decibels] * 3, [0.1] * 3, accuracy=accuracy)
        for name, decibels, accuracy in (("low", 10.0, 0.2), ("poor", 12.0, 0.1), ("good", 14.0, 0.9))
    ]
    rows, records = [one.row for one in cells], {one.row.cell_id: one for one in cells}

    ((lines, rivals),) = rank_scenarios(rows, records, "pareto").values()

    assert [(line.defense, line.pareto) for line in lines] == [("low", True), ("good", True), ("poor", False)]
    assert rivals["psnr_db"] == [[], [], [0]]
    ((lines, rivals),) = rank_scenarios(rows, records).values()
    assert [line.defense for line in lines] == ["low", "poor", "good"]
    assert rivals["psnr_db"] == [[], [0], []]


def test_the_gap_to_the_best_attack_possible_is_averaged_over_seeds() -> None:
    gaps = {("one", 0): 1.0, ("one", 1): 3.0, ("two", 0): 1.5, ("two", 1): 1.6}
    lines = ranked(
        *(record("a", name, [10.0], [0.1], seed=seed, attack_gap_db=gap) for (name, seed), gap in gaps.items())
    )

    assert lines["a"]["attack_gap_db"] == pytest.approx(1.55)


def test_the_worst_attack_is_told_from_the_same_attack_with_other_parameters() -> None:
    line = ranked(
        record("a", "ridge", [10.0], [0.1], attack_params='{"observations":1}'),
        record("a", "ridge", [20.0], [0.1], attack_params='{"observations":16}', cell_id="more"),
        record("a", "pinv", [16.0], [0.1]),
    )["a"]

    assert line["worst_attack"] == "ridge:observations=16"
    assert line["attacks"] == 3


@pytest.mark.parametrize("turn", range(3))
def test_of_equal_attacks_the_first_by_name_is_the_worst_in_any_order_and_the_mean_image_is_the_last(turn: int) -> None:
    equal = [record("a", attack, [10.0, 12.0], [0.1, 0.2]) for attack in ("ridge", "mean_image", "pinv")]

    assert ranked(*equal[turn:], *equal[:turn])["a"]["worst_attack"] == "pinv"
    assert ranked(*equal[:2][:: (-1) ** turn])["a"]["worst_attack"] == "ridge"


REGRESSION: dict[str, Any] = {
    "task": "regression",
    "utility_metric": "r2",
    "accuracy": None,
    "accuracy_undefended": None,
    "agreement": 0.7,
}


def test_other_tasks_are_ranked_by_their_utility() -> None:
    boards = [
        record("undefended", "one", [30.0], [0.9], utility=0.8, **REGRESSION),
        record("useful", "one", [20.0], [0.5], utility=0.6, **REGRESSION),
        record("useless", "one", [25.0], [0.5], utility=-0.4, **REGRESSION),
    ]
    lines = ranked(*boards)
    shown = shorten(rank([each.row for each in boards], {}))

    kept = [lines[name]["utility_kept"] for name in ("undefended", "useful", "useless")]
    assert kept == pytest.approx([1.0, 0.75, -0.5])
    assert lines["useful"]["agreement"] == 0.7
    assert pd.isna(lines["useful"]["accuracy_kept"])
    assert {name for name, line in lines.items() if line["pareto"]} >= {"undefended", "useful"}
    assert {"utility", "utility_metric", "agreement"} <= set(shown.columns)
    assert not {"accuracy", "accuracy_kept"} & set(shown.columns)
    assert "utility" not in shorten(rank([each.row for each in TWO_ATTACKS], {})).columns


def test_a_small_difference_in_agreement_is_chance_and_one_in_another_metric_is_not_known() -> None:
    unlabeled = {**REGRESSION, "task": "unlabeled", "utility_metric": "agreement", "accuracy_images": 100}
    scores = {"undefended": (30.0, 1.0), "one": (20.0, 0.9), "near": (20.5, 0.8999), "worse": (21.0, 0.2)}

    fronts = []
    for facts in (unlabeled, REGRESSION):
        boards = [
            record(
                name,
                "ridge",
                [psnr - 0.01, psnr, psnr + 0.01],
                [0.5] * 3,
                **{**facts, "utility": utility, "agreement": utility},
            )
            for name, (psnr, utility) in scores.items()
        ]
        fronts.append({name for name, line in ranked(*boards).items() if line["pareto"]})

    assert fronts == [{"undefended", "one", "near"}, set(scores)]


def test_a_metric_with_a_standard_error_decides_beyond_its_interval() -> None:
    scores = {"undefended": (30.0, 0.98), "one": (20.0, 0.9), "near": (21.0, 0.899), "worse": (22.0, 0.2)}

    boards = [
        record(name, "ridge", [psnr - 0.01, psnr, psnr + 0.01], [0.5] * 3, **{**REGRESSION, "utility": utility})
        for name, (psnr, utility) in scores.items()
    ]
    measured = [each.model_copy(update={"details": {"utility_error": 0.01}}) for each in boards]

    assert {name for name, line in ranked(*measured).items() if line["pareto"]} == {"undefended", "one", "near"}


def test_the_utility_kept_is_of_seeds_at_which_the_undefended_network_ran() -> None:
    lines = ranked(
        record("undefended", "one", [30.0], [0.9], utility=0.9, **REGRESSION),
        record("noise", "one", [20.0], [0.5], utility=0.81, **REGRESSION),
        record("noise", "one", [20.0], [0.5], utility=0.45, seed=1, **REGRESSION),
    )

    assert lines["noise"]["utility"] == pytest.approx(0.63)
    assert lines["noise"]["utility_kept"] == pytest.approx(0.9)


def test_splits_of_one_network_follow_each_other_as_in_the_network() -> None:
    costs = {"stem": (10, 5, 800), "a_pool": (10, 5, 200), "block": (40, 9, 400), "head": (40, 12, 40)}
    rows = [
        record(
            "undefended",
            "one",
            [20.0],
            [0.5],
            split=split,
            client_macs=macs,
            client_params=params,
            wire_bytes=float(size),
        ).row
        for split, (macs, params, size) in reversed(costs.items())
    ]
    ids = [row.model_copy(update={"cell_id": digest(row.split)}) for row in rows]

    assert rank(ids, {})["split"].tolist() == ["stem", "a_pool", "block", "head"]
