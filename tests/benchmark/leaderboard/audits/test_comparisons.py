"""Which cells are compared, by how much they must differ, and which of them is doubted."""

from mia_bench.benchmark.leaderboard.auditing import audit

from .audited_cells import cell, flags
from .planted_faults import FAULTS, MEAN, RIDGE


def test_a_difference_within_the_interval_or_the_margin_is_no_flag() -> None:
    assert flags(RIDGE, cell("white_box", 18.6, access="white_box")) == []
    assert flags(MEAN, cell("query_free", 11.85)) == []
    assert flags(cell("ridge", 15.3, bound_psnr_db=15.0)) == []


def test_rows_that_are_not_alike_are_not_compared() -> None:
    assert flags(RIDGE, cell("white_box", 15.0, access="white_box", seed=1)) == []
    assert flags(RIDGE, cell("black_box", 15.0, attack_params={"aux": "random"})) == []
    assert flags(cell("ridge", 15.0, split="a"), cell("ridge", 17.0, defense_params={"sigma": 2.0}, split="b")) == []
    sigma, epsilon = {"sigma": 0.5, "epsilon": None}, {"sigma": None, "epsilon": 1.0}
    assert flags(cell("ridge", 15.0, defense_params=sigma), cell("ridge", 17.0, defense_params=epsilon)) == []


def test_rows_without_a_score_are_passed_over() -> None:
    assert flags(cell("white_box", 1.0, access="white_box", status="failed", psnr_db=None), RIDGE) == []


def test_a_flag_names_the_doubtful_cell_first_and_says_the_figures() -> None:
    ridge, white = FAULTS["black-box-beats-white-box"]

    (flag,) = audit([ridge.row, white.row], {})

    assert flag.cell_ids == (white.row.cell_id, ridge.row.cell_id)
    assert flag.sentence.startswith("white_box on dp_ir (")
    assert "scores 15.00 dB" in flag.sentence
    assert "4.00 dB below ridge (19.00 dB)" in flag.sentence


def test_a_cell_is_doubted_once_by_each_audit_however_often_it_is_compared() -> None:
    twice = cell("mean_image", 12.0, attack_params={"observations": 4})

    assert flags(MEAN, twice, cell("query_free", 10.0)) == ["below-mean-image"]
