"""A line is complete if every attack of its scenario ran at every seed of its scenario."""

import math
import random
from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.completeness import attack_of, find_gaps
from mia_bench.benchmark.leaderboard.completion_commands import gap_notice
from mia_bench.benchmark.leaderboard.ranking import rank
from mia_bench.benchmark.leaderboard.records import Record

from .test_ranking import ranked, record

ATTACKS = {"white_box": 38.0, "ridge": 33.0, "mean_image": 12.0}
DEFENSES = {"undefended": 0.0, "dp_ir": -6.0, "topk": -3.0}
NOTHING: dict[str, Any] = {"psnr_db": None, "ssim": None, "recognisable": None}


def cell(defense: str, attack: str, seed: int = 0, shift: float = 0.0, **facts: Any) -> Record:
    """A cell of four images, of which each attack is best on some; later seeds leak less."""
    level = ATTACKS[attack] + DEFENSES[defense] - 2.0 * seed + shift
    values = [level + (image - 1.5) * (-1) ** len(attack) for image in range(4)]
    return record(defense, attack, values, [value / 50 for value in values], seed=seed, **facts)


def full(seeds: tuple[int, ...] = (0, 1)) -> list[Record]:
    return [cell(defense, attack, seed) for defense in DEFENSES for attack in ATTACKS for seed in seeds]


def lacking(*records: Record) -> set[tuple[str, str, int]]:
    return {(gap.defense[0], gap.attack[0], gap.seed) for gap in find_gaps([each.row for each in records])}


@pytest.mark.parametrize("at_hand", [True, False])
def test_an_attack_that_ran_at_one_of_two_seeds_makes_a_line_incomplete(at_hand: bool) -> None:
    board = [cell("undefended", "white_box"), cell("undefended", "ridge"), cell("undefended", "ridge", seed=1)]

    line = ranked(*board, at_hand=at_hand)["undefended"]

    assert lacking(*board) == {("undefended", "white_box", 1)}
    assert line["incomplete"]
    assert not line["pareto"]
    assert line["psnr_db"] >= 38.0
    assert line["worst_attack"] == "white_box"


@pytest.mark.parametrize("at_hand", [True, False])
def test_merging_a_weaker_board_completes_nothing(at_hand: bool) -> None:
    strong = [cell("undefended", attack) for attack in ATTACKS] + [cell("dp_ir", "ridge"), cell("dp_ir", "mean_image")]
    weaker = [cell(defense, "ridge", seed=1) for defense in ("undefended", "dp_ir")]

    before, after = (ranked(*board, at_hand=at_hand) for board in (strong, strong + weaker))

    assert ("dp_ir", "white_box", 0) in lacking(*strong, *weaker)
    assert before["dp_ir"]["incomplete"]
    assert after["dp_ir"]["incomplete"]
    assert not after["dp_ir"]["pareto"]
    assert after["dp_ir"]["psnr_db"] >= before["dp_ir"]["psnr_db"]
    assert after["undefended"]["incomplete"]


@pytest.mark.parametrize("at_hand", [True, False])
def test_a_weaker_seed_does_not_lower_what_a_stronger_attack_reached(at_hand: bool) -> None:
    lines = {name: [cell(name, "white_box"), cell(name, "ridge")] for name in ("undefended", "dp_ir")}
    before = [*lines["undefended"], *lines["dp_ir"], cell("undefended", "ridge", seed=1)]
    weaker = cell("dp_ir", "ridge", seed=1)

    line = ranked(*before, weaker, at_hand=at_hand)["dp_ir"]

    assert line["incomplete"]
    assert not line["pareto"]
    assert line["psnr_db"] == ranked(*before, at_hand=at_hand)["dp_ir"]["psnr_db"]
    assert line["worst_attack"] == "white_box"
    notice = gap_notice([each.row for each in (*before, weaker)])
    assert "  dp_ir lacks white_box at seed 1 (missing)" in notice
    assert "  undefended lacks white_box at seed 1 (missing)" in notice


@pytest.mark.parametrize("at_hand", [True, False])
def test_a_line_whose_seeds_were_chosen_is_incomplete(at_hand: bool) -> None:
    best = [each for each in full((0, 1, 2)) if each.row.defense != "topk" or each.row.seed == 2]

    line = ranked(*best, at_hand=at_hand)["topk"]

    assert lacking(*best) == {("topk", attack, seed) for attack in ATTACKS for seed in (0, 1)}
    assert line["incomplete"]
    assert not line["pareto"]
    notice = gap_notice([each.row for each in best])
    assert any("topk lacks" in each and "ridge at seeds 0, 1 (missing)" in each for each in notice)


def test_a_further_seed_of_one_defense_is_lacking_in_the_others() -> None:
    board = full() + [cell("topk", attack, seed=2) for attack in ATTACKS]

    assert {(defense, seed) for defense, _, seed in lacking(*board)} == {("undefended", 2), ("dp_ir", 2)}
    assert ranked(*board)["topk"]["seeds"] == 3


def test_a_row_without_scores_is_missing_and_counts_for_no_decibels() -> None:
    board = [each for each in full((0,)) if (each.row.defense, each.row.attack) != ("topk", "white_box")]
    done = cell("topk", "white_box")
    unscored = [
        done.model_copy(update={"row": done.row.model_copy(update=scores)})
        for scores in (NOTHING, {"psnr_db": math.nan})
    ]

    for each in unscored:
        line = ranked(*board, each)["topk"]
        assert lacking(*board, each) == {("topk", "white_box", 0)}
        assert line["incomplete"]
        assert line["psnr_db"] == pytest.approx(30.0)
    assert math.isnan(ranked(unscored[0])["topk"]["psnr_db"])


def test_accuracy_and_costs_are_averaged_over_seeds_not_over_cells() -> None:
    facts: list[dict[str, Any]] = [
        {"accuracy": 0.8, "wire_bytes": 10.0, "client_ms": 1.0},
        {"accuracy": 0.9, "wire_bytes": 20.0, "client_ms": 2.0},
    ]
    board = [cell("dp_ir", attack, **facts[0]) for attack in ATTACKS] + [cell("dp_ir", "ridge", seed=1, **facts[1])]

    line = ranked(*board)["dp_ir"]

    assert line["accuracy"] == pytest.approx(0.85)
    assert line["accuracy_kept"] == pytest.approx(0.85)
    assert (line["wire_bytes"], line["client_ms"]) == (15.0, 1.5)


def test_the_share_that_the_mean_image_makes_recognizable_stands_beside_the_other() -> None:
    smooth = [
        record("tee", "mean_image", [12.0] * 4, [0.5, 0.5, 0.1, 0.1]),
        record("tee", "ridge", [12.0] * 4, [0.4, 0.2, 0.1, 0.1]),
    ]

    for at_hand in (True, False):
        line = ranked(*smooth, at_hand=at_hand)["tee"]
        assert (line["recognisable"], line["recognisable_mean_image"]) == (0.5, 0.5)
    assert math.isnan(ranked(smooth[1])["tee"]["recognisable_mean_image"])


@pytest.mark.parametrize("trial", range(30))
def test_more_rows_never_make_an_incomplete_line_look_more_private_or_any_more_complete(trial: int) -> None:
    chance = random.Random(trial)
    everything = full((0, 1, 2))
    chosen = [each for each in everything if chance.random() < 0.6] or everything[:1]
    added = [each for each in everything if each not in chosen and chance.random() < 0.5]
    some_records = {each.row.cell_id: each for each in everything if chance.random() < 0.7}

    before, after = (
        {line["defense"]: line for line in rank([each.row for each in rows], some_records).to_dict("records")}
        for rows in (chosen, chosen + added)
    )
    was, still = lacking(*chosen), lacking(*chosen, *added)
    came = {(each.row.defense, each.row.attack, each.row.seed) for each in added}

    assert was - still <= came
    for defense, line in before.items():
        if after[defense]["incomplete"] and line["psnr_db"] == line["psnr_db"]:
            assert after[defense]["psnr_db"] >= line["psnr_db"] - 1e-9


@pytest.mark.parametrize("trial", range(30))
def test_a_part_of_a_board_is_right_or_says_that_it_is_incomplete(trial: int) -> None:
    chance = random.Random(1000 + trial)
    chosen = [each for each in full((0, 1, 2)) if chance.random() < 0.85]

    for defense, line in ranked(*chosen).items():
        own = [each for each in chosen if each.row.defense == defense]
        seeds = {each.row.seed for each in chosen}
        attacks = {attack_of(each.row) for each in chosen}
        if len(own) < len(seeds) * len(attacks):
            assert line["incomplete"]
            continue
        by_image = [
            max(each.per_image.psnr_db[image] for each in own if each.row.seed == seed)
            for seed in seeds
            for image in range(4)
        ]
        assert not line["incomplete"]
        assert line["psnr_db"] == pytest.approx(sum(by_image) / len(by_image))
