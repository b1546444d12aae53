"""What a report says, against the ranking and other libraries."""

from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.ranking import rank
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.report.content import ReportContent, content
from mia_bench.benchmark.report.defenses import DefenseSummary
from mia_bench.benchmark.report.tradeoff_figure import front
from scipy.stats import binomtest

from ...helpers.boards import HOSTILE, REASON, SPREAD, cell, cells


def collected(records: list[Record], at_hand: bool = True) -> ReportContent:
    return content([each.row for each in records], {each.row.cell_id: each for each in records} if at_hand else {})


def by_label(records: list[Record], at_hand: bool = True) -> dict[str, DefenseSummary]:
    (scenario,) = collected(records, at_hand).scenarios
    return {setting.label: setting for setting in scenario.settings}


def test_settings_come_in_the_order_of_the_ranking_with_its_figures() -> None:
    records = cells()
    ranked = rank([each.row for each in records], {each.row.cell_id: each for each in records})

    settings = list(by_label(records).values())

    assert [each.name for each in settings] == ranked["defense"].tolist()
    assert [each.line["psnr_db"] for each in settings] == ranked["psnr_db"].tolist()
    assert [each.label for each in settings][:2] == ["sealed", "noise:sigma=10.0"]
    assert [each.undefended for each in settings].count(True) == 1


def test_the_interval_is_that_of_the_worst_case_and_without_records_that_of_the_strongest_attack() -> None:
    setting, from_board = (by_label(cells(), at_hand)["noise:sigma=1.0"] for at_hand in (True, False))

    low, high = setting.ranges["psnr_db"]
    assert low < setting.line["psnr_db"] < high
    assert high - low < 2 * max(SPREAD)
    assert from_board.ranges["psnr_db"] == pytest.approx((18.2 - 0.3, 18.2 + 0.3))


@pytest.mark.parametrize("accuracy", [0.6, 0.98, 1.0])
def test_the_interval_of_the_accuracy_is_wilsons(accuracy: float) -> None:
    row = cell("a", "{}", "ridge", 20.0, accuracy=accuracy)

    expected = binomtest(round(1000 * accuracy), 1000).proportion_ci(method="wilson")

    assert by_label([row])["a"].ranges["utility"] == pytest.approx((expected.low, expected.high))


def test_seeds_are_averaged_and_their_span_is_given() -> None:
    setting = by_label(cells(seeds=(0, 1)))["sealed"]

    low, high = setting.seeds["psnr_db"]
    assert (low, high) == pytest.approx((12.1, 12.4))
    assert setting.line["psnr_db"] == pytest.approx((low + high) / 2)
    assert setting.seeds["utility"] == pytest.approx((0.975, 0.985))
    assert by_label(cells())["sealed"].seeds == {}


def test_an_attack_by_itself_is_held_against_the_mean_image_of_its_seed() -> None:
    useless = [cell("a", "{}", "ridge", 12.0, split="s"), cell("a", "{}", "white_box", 12.0, split="s")]
    useless[1] = useless[1].model_copy(
        update={"per_image": useless[1].per_image.model_copy(update={"psnr_db": useless[0].per_image.psnr_db[::-1]})}
    )

    setting = by_label([*useless, cell("a", "{}", "mean_image", 12.0, split="s")])["a"]

    assert setting.line["leak_db"] == pytest.approx(0.2)
    assert setting.more["strongest_leak_db"] == pytest.approx(0, abs=1e-9)
    assert by_label(cells(seeds=(0, 1)))["noise:sigma=1.0"].more["strongest_leak_db"] == pytest.approx(6.2)


def test_failed_and_missing_cells_are_given_with_their_reason() -> None:
    settings = by_label([each for each in cells() if (each.row.defense, each.row.attack) != ("sealed", "ridge")])

    assert settings[HOSTILE].lacking == [f"white_box, seed 0: failed: {REASON}"]
    assert settings["sealed"].lacking == ["ridge, seed 0: missing"]
    assert settings["undefended"].lacking == []
    assert settings[HOSTILE].line["incomplete"]


def test_flags_of_the_audit_are_given_with_their_cells() -> None:
    records = cells()

    flags = collected(records).flags

    doubtful = next(
        each.row.cell_id
        for each in records
        if each.row.attack == "white_box" and each.row.defense_params == '{"sigma":0.1}'
    )
    assert [(flag["name"], flag["cells"][0]) for flag in flags] == [("black-box-beats-white-box", doubtful)]


def test_scenarios_are_kept_apart() -> None:
    scenarios = collected(cells(splits=("conv1", "relu2"))).scenarios

    assert [each.split for each in scenarios] == ["conv1", "relu2"]
    assert all(len(each.settings) == 6 for each in scenarios)


def test_a_value_that_is_not_there_is_unknown() -> None:
    (setting,) = by_label([cell("a", "{}", "ridge", 20.0, bound_psnr_db=None, client_ms=None)]).values()

    assert setting.cells[0]["bound_psnr_db"] is None
    assert "bound_psnr_db" not in setting.more
    assert setting.line["client_ms"] is None


def curves_of(*params: str) -> list[tuple[Any, ...]]:
    (scenario,) = collected([cell("d", each, "ridge", 30.0 - index) for index, each in enumerate(params)]).scenarios
    return [(each.param, each.fixed, each.scale, [value for value, _ in each.points]) for each in scenario.curves]


def test_a_curve_is_along_the_parameter_that_varies() -> None:
    assert curves_of('{"a":1,"s":3.0}', '{"a":1,"s":1.0}') == [("s", "", "linear", [1.0, 3.0])]
    assert curves_of('{"s":0.1}', '{"s":10.0}', '{"s":1}') == [("s", "", "log", [0.1, 1, 10.0])]
    assert curves_of('{"to":"x"}', '{"to":"y"}') == [("to", "", "category", ["x", "y"])]
    assert curves_of('{"to":"x"}', '{"to":null}') == [("to", "", "category", ["x", "none"])]
    assert curves_of('{"s":1}') == []


def test_curves_differ_in_what_is_fixed_and_other_kinds_of_strength_make_others() -> None:
    assert curves_of('{"c":1,"s":1}', '{"c":1,"s":2}', '{"c":1,"s":3}', '{"c":2,"s":1}', '{"c":2,"s":2}') == [
        ("s", "c=1", "linear", [1, 2, 3]),
        ("s", "c=2", "linear", [1, 2]),
    ]
    assert curves_of('{"e":null,"s":1}', '{"e":null,"s":2}', '{"e":8,"s":null}', '{"e":1,"s":null}') == [
        ("e", "", "log", [1, 8]),
        ("s", "", "linear", [1, 2]),
    ]


def test_the_points_of_a_curve_are_its_settings() -> None:
    (scenario,) = collected(cells()).scenarios
    (curve,) = scenario.curves

    assert [(value, scenario.settings[index].label) for value, index in curve.points] == [
        (0.1, "noise:sigma=0.1"),
        (1.0, "noise:sigma=1.0"),
        (10.0, "noise:sigma=10.0"),
    ]


def test_the_front_of_a_figure_is_that_of_the_ranking() -> None:
    (scenario,) = collected(cells()).scenarios

    expected = [each.label for each in scenario.settings if each.line["pareto"]]
    assert [each.label for each in front(scenario.settings, "psnr_db")] == expected
    assert expected == ["sealed", "undefended"]


def test_the_utility_is_called_by_the_name_of_its_metric() -> None:
    facts = {"task": "regression", "utility": 0.7, "utility_metric": "r2", "accuracy": None}
    (scenario,) = collected([cell("undefended", "{}", "ridge", 20.0, **facts)]).scenarios

    assert scenario.metric == "R²"
    assert scenario.settings[0].line["utility_kept"] == 1.0
    assert collected(cells()).scenarios[0].metric == "accuracy"
