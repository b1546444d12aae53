"""Odd boards: ranked, audited and reported with a right result, or refused in one sentence."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.cli.report import report
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard.ranking import rank
from mia_bench.benchmark.leaderboard.records import SCORES, PerImage, Record, Row
from mia_bench.benchmark.leaderboard.store import to_frame
from mia_bench.benchmark.utils.cache import digest

from ..benchmark.leaderboard.test_ranking import record
from .answers import answer

NOTHING: dict[str, Any] = dict.fromkeys(SCORES)
FAILED = {**NOTHING, "status": "failed", "reason": "no memory"}
NOWHERE = {**NOTHING, "status": "inapplicable", "reason": "no gradient"}


def row(defense: str = "undefended", attack: str = "ridge", **facts: Any) -> Row:
    ends = {"psnr_db_low": 29.0, "psnr_db_high": 31.0}
    made = record(defense, attack, [30.0] * 4, [0.5] * 4).row
    cell_id = digest([defense, attack, facts.get("seed"), facts.get("attack_params")])
    return made.model_copy(
        update={**ends, "cell_id": cell_id, **facts}
    )  # which validates nothing, as Python code may do


BOARDS: dict[str, tuple[list[Row], dict[str, bool]]] = {
    "one row": ([row()], {"undefended": False}),
    "one row with an accuracy of 0": ([row(accuracy=0.0)], {"undefended": False}),
    "one row with an undefended accuracy of 0": ([row(accuracy=0.0, accuracy_undefended=0.0)], {"undefended": False}),
    "one row of one image": ([record("undefended", "ridge", [30.0], [0.5]).row], {"undefended": False}),
    "one failed row": ([row(**FAILED)], {"undefended": True}),
    "all rows failed": ([row(**FAILED), row("topk", **FAILED)], {"undefended": True, "topk": True}),
    "all rows inapplicable": ([row(**NOWHERE), row("topk", **NOWHERE)], {"undefended": True, "topk": True}),
    "one of two lines failed": ([row(), row("topk", **FAILED)], {"undefended": False, "topk": True}),
    "no row of the reference attack": ([row(), row("topk")], {"undefended": False, "topk": False}),
    "nothing but the reference attack": ([row(attack="mean_image")], {"undefended": False}),
    "two seeds, one of them failed": ([row(), row(seed=1, **FAILED)], {"undefended": True}),
    "two seeds with different attacks": ([row(), row(attack="pinv", seed=1)], {"undefended": True}),
    "lines of different seeds": ([row(), row("topk", seed=7)], {"undefended": True, "topk": True}),
    "the largest seed": ([row(seed=2**63 - 1), row(attack="pinv")], {"undefended": True}),
    "quotes and spaces in parameters": (
        [row(), row("odd one", defense_params="""{"a":"it's \\"$(x)\\" `y`; --out"}""", **FAILED)],
        {"undefended": False, "odd one": True},
    ),
    "line breaks in parameters": (
        [row(), row("odd", defense_params='{"a":"one\\ntwo\\u001b[2J"}', **FAILED)],
        {"undefended": False, "odd": True},
    ),
    "parameters that are lists and tables": (
        [row(), row("odd", defense_params='{"a":[1,{"b":null}],"c":{}}', **FAILED)],
        {"undefended": False, "odd": True},
    ),
    "parameters that a built-in defense does not have": (
        [row(), row("dp_ir", defense_params='{"sigma":-1,"no":1}', **FAILED)],
        {"undefended": False, "dp_ir": True},
    ),
    "the same attack with many parameters": (
        [row(), *(row(attack_params=f'{{"n":{each}}}') for each in range(50)), row("topk")],
        {"undefended": False, "topk": True},
    ),
}


@pytest.mark.parametrize("name", BOARDS)
def test_an_odd_board_is_ranked_audited_and_reported(name: str, tmp_path: Path) -> None:
    rows, incomplete = BOARDS[name]
    board = tmp_path / "board.csv"
    to_frame(rows).to_csv(board, index=False)

    for words in (["rank", board], ["rank", board, "--format", "csv"], ["audit", board]):
        assert answer(*words).exit_code == 0
    report([board], out=tmp_path / "page.html")
    found = rank(rows, {})
    assert dict(zip(found["defense"], found["incomplete"], strict=True)) == incomplete
    assert not (found["pareto"] & found["incomplete"]).any()


@pytest.mark.slow
def test_a_board_of_one_line_and_one_setting_has_figures(tmp_path: Path) -> None:
    for position, rows in enumerate([[row()], [row(**FAILED)], [row(accuracy=0.0)], [row(accuracy=1.0)]]):
        board = tmp_path / f"{position}.csv"
        to_frame(rows).to_csv(board, index=False)
        assert answer("report", board, "-o", tmp_path / "p.html", "--figures", tmp_path / "figures").exit_code == 0


def test_the_same_board_twice_is_the_board_once() -> None:
    rows = [row(), row("topk", psnr_db=20.0), row("topk", seed=1, psnr_db=22.0), row(seed=1)]

    assert rank([*rows, *rows], {}).equals(rank(rows, {}))


def test_a_failed_cell_that_another_board_has_done_counts_as_done() -> None:
    for rows in ([row(**FAILED), row()], [row(), row(**FAILED)]):
        assert rank(rows, {}).equals(rank([row()], {}))


def test_the_same_cell_with_two_scores_is_refused() -> None:
    with pytest.raises(UsageError, match=r"Expected one score of cell [0-9a-f]{16}, got 30 dB and 20 dB"):
        rank([row(), row(psnr_db=20.0)], {})


VALUES: dict[str, tuple[list[float], list[float]]] = {
    "no values": ([], []),
    "too few values": ([50.0], [0.9]),
    "unequal lengths": ([50.0] * 4, [0.9] * 3),
    "values that are no numbers": ([float("nan")] * 4, [0.9] * 4),
    "infinite values": ([float("inf")] * 4, [0.9] * 4),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_of_images_that_cannot_be_right_do_not_count(name: str) -> None:
    psnr, ssim = VALUES[name]
    broken = Record.model_construct(row=row(), per_image=PerImage.model_construct(psnr_db=psnr, ssim=ssim))

    (line,) = rank([broken.row], {broken.row.cell_id: broken}).to_dict("records")

    assert (line["psnr_db"], line["worst_case"]) == (30.0, "of means")


@pytest.mark.parametrize(
    "scores",
    [NOTHING, {"psnr_db": float("nan")}, {"psnr_db": float("inf")}, {"ssim": None}, {"recognisable": float("nan")}],
)
def test_a_done_row_without_all_its_scores_is_missing(scores: dict[str, Any]) -> None:
    lines = rank([row(), row("topk", **scores)], {}).set_index("defense")

    assert lines.index.tolist() == ["undefended", "topk"]
    assert lines["incomplete"].tolist() == [False, True]
    assert lines["pareto"].tolist() == [True, False]


def test_a_board_with_many_gaps_gets_a_short_notice(tmp_path: Path) -> None:
    rows: Sequence[Row] = [row(), *(row(f"d{each}", f"a{each}") for each in range(40))]
    to_frame(rows).to_csv(tmp_path / "board.csv", index=False)

    told = answer("rank", tmp_path / "board.csv").stderr.splitlines()

    assert "  and 33 more rows (see mia-bench audit)" in told
    assert len(told) < 25
