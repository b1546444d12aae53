"""Stronger defenses that leak more, and defenses that do nothing."""

import json
import random
from itertools import combinations
from typing import Any, ClassVar

import pytest
from mia_bench.benchmark.leaderboard.auditing import audit
from mia_bench.benchmark.leaderboard.audits.comparisons import MARGIN_DB
from mia_bench.benchmark.leaderboard.flag_kinds import FLAG_KINDS
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.scored_rows import ScoredRows, psnr
from mia_bench.benchmark.registry import Entry, declared
from mia_bench.defenses.undefended import Undefended

from .audited_cells import cell, flags, on


def test_a_smaller_epsilon_is_more_noise() -> None:
    more, less = ({"sigma": None, "epsilon": epsilon} for epsilon in (1.0, 8.0))

    assert flags(cell("ridge", 17.0, defense_params=more), cell("ridge", 15.0, defense_params=less)) == ["noise-helps"]
    assert flags(cell("ridge", 15.0, defense_params=more), cell("ridge", 17.0, defense_params=less)) == []


@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_of_all_surely_rising_pairs_the_one_that_rises_most_is_named(seed: int, at_hand: bool) -> None:
    draw = random.Random(seed)
    drawn = [(0.1 * draw.randrange(30), draw.choice([14.0, 15.0, draw.gauss(15, 1)])) for _ in range(40)]
    cells = [cell("ridge", high, defense_params={"sigma": sigma}) for sigma, high in dict(drawn).items()]
    for each in cells:
        each.per_image.psnr_db[:] = [value + draw.gauss(0, 0.5) for value in each.per_image.psnr_db]
    board = ScoredRows([each.row for each in cells], {each.row.cell_id: each for each in cells} if at_hand else {})

    found = [finding.cell_ids for finding in FLAG_KINDS["noise-helps"].find(board)]

    by_strength = sorted(board.rows, key=lambda row: json.loads(row.defense_params)["sigma"])
    rising = [(a, b) for a, b in combinations(by_strength, 2) if board.exceeds(b, a, MARGIN_DB)]
    rising.sort(key=lambda pair: psnr(pair[0]) - psnr(pair[1]))
    assert found == [(a.cell_id, b.cell_id) for a, b in rising[:1]]
    assert rising


def test_an_attack_below_its_score_on_a_noisy_wire_is_flagged_on_the_undefended_one() -> None:
    exact, noisy = on("undefended", "white_box", 21.0), cell("white_box", 25.0, defense_params={"sigma": 1.0})
    noisier = cell("white_box", 23.0, defense_params={"sigma": 2.0})

    (flag,) = (flag for flag in audit([each.row for each in (noisier, exact, noisy)], {}) if flag.name != "incomplete")

    assert (flag.name, flag.cell_ids) == ("noise-helps", (exact.row.cell_id, noisy.row.cell_id))
    assert "scores 21.00 dB, and 25.00 dB on the stronger dp_ir" in flag.sentence


@pytest.mark.parametrize(
    "other",
    [
        cell("white_box", 21.4, defense_params={"sigma": 1.0}),
        cell("white_box", 25.0, defense_params={"sigma": 1.0}, split="earlier"),
        on("dp_sgd", "white_box", 25.0),
    ],
    ids=["within the margin", "another split", "another network"],
)
def test_what_may_be_better_than_the_undefended_wire_is_not_flagged(other: Record) -> None:
    assert flags(on("undefended", "white_box", 21.0), other) == []


BLIND = ("mean_image", "query_free")


def test_an_attack_at_the_mean_image_does_not_show_that_a_defense_does_nothing() -> None:
    cells = [on(name, attack, 12.0, access="query_free") for name in ("tee", "undefended") for attack in BLIND]

    assert flags(*cells) == []


def test_equal_scores_on_ciphertexts_say_nothing_of_a_defense() -> None:
    encrypted = on("tee", "white_box", 12.3, access="white_box", guarantee="AES-256-GCM")

    assert flags(on("undefended", "white_box", 12.3, access="white_box"), encrypted) == []


def test_a_defense_with_unchanged_wires_does_nothing_however_attacks_vary_on_it() -> None:
    cells = [
        *(on("undefended", attack, decibels) for attack, decibels in (("ridge", 19.0), ("mean_image", 12.0))),
        on("label_smoothing", "ridge", 18.96, details={"wire_unchanged": 1.0}),
        on("label_smoothing", "mean_image", 12.0, details={"wire_unchanged": 1.0}),
        on("dropout", "ridge", 18.96),
    ]
    records = {each.row.cell_id: each for each in cells}

    found = audit([each.row for each in cells], records)

    assert [flag.subject for flag in found if flag.name == "defense-changes-nothing"] == ["ridge on label_smoothing"]
    assert flags(cells[2]) == ["defense-changes-nothing"]  # without the cell of the undefended network


def test_the_strength_of_a_foreign_defense_is_what_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    less, more = (on("their_noise", "ridge", high, defense_params={"width": w}) for high, w in ((15, 0.1), (17, 0.9)))
    assert flags(less, more) == []  # it is not installed

    class TheirNoise(Undefended):
        stronger_with: ClassVar[Any] = {"width": 1}

    entry = Entry(kind="defenses", name="their_noise", target="a:TheirNoise", package="theirs", version="1")
    monkeypatch.setattr(declared, "find", lambda kind, name: entry)
    monkeypatch.setattr(declared, "load", lambda entry: TheirNoise)
    assert flags(less, more) == ["noise-helps"]
