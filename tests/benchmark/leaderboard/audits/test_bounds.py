"""Scores beyond what a bound, a promise or noise allows, and those that only seem so."""

import pytest
from mia_bench.benchmark.leaderboard.records import Record

from .audited_cells import cell, exact, flags


def test_images_are_identified_among_those_that_the_bound_is_on() -> None:
    promised = {"epsilon": 0.01, "guarantee": "local DP", "identified": 0.1, "bound_identified": 0.127}
    assert flags(cell("ridge", 19.0, **promised, details={"identified_among_attacked": 0.1})) == []
    assert flags(cell("ridge", 19.0, **promised, details={"identified_among_attacked": 0.75})) == [
        "beats-identification-bound"
    ]


@pytest.mark.parametrize(
    "honest",
    [
        exact("ridge", 100.0, 85.0),  # hardly any noise
        exact("ridge", 60.0, 8.0),
        exact("mean_image", 100.0, 8.0, access="query_free"),
        exact("ridge", 100.0, 8.0, leak_r2=None),  # all images are equal
        exact("ridge", 100.0, None),  # no density, as behind dropout
    ],
)
def test_exact_scores_that_noise_allows_are_not_flagged(honest: Record) -> None:
    assert flags(honest) == []


def test_an_attack_below_the_smallest_error_of_the_prior_beats_a_bound() -> None:
    def attack(bound: float) -> Record:
        return cell("ridge", 19.0, details={"bound_van_trees_psnr_db": bound})

    assert flags(attack(15.0)) == ["beats-bound"]
    assert flags(attack(18.95)) == []
