"""Attacks below the mean image or the linear decoder, and those that recover the class alone."""

from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.auditing import audit

from .audited_cells import cell, flags, of_classes
from .planted_faults import MEAN, RIDGE


def test_an_attack_that_recovers_the_class_alone_is_told_what_the_classes_are_worth() -> None:
    rows = MEAN, cell("ridge", 14.0, details=of_classes(13.9, 0.3, 14.2))

    (flag,) = audit([each.row for each in rows], {each.row.cell_id: each for each in rows})

    assert "13.90 dB on other images of the same class" in flag.sentence
    assert "the mean images of the true classes score 14.20 dB" in flag.sentence


def test_a_gap_between_images_of_a_class_that_may_be_large_is_no_flag() -> None:
    assert flags(MEAN, cell("ridge", 14.0, details=of_classes(13.4, 1.1))) == []


def test_a_foreign_decoder_below_the_linear_one_is_flagged() -> None:
    assert flags(RIDGE, cell("their_decoder", 13.9)) == ["below-linear-decoder"]
    assert flags(RIDGE, cell("their_decoder", 13.9, access="query_free")) == []
    assert flags(RIDGE, cell("their_decoder", 13.9, attack_params={"observations": 4})) == []


def test_an_attack_with_weights_below_the_linear_decoder_is_flagged_once() -> None:
    strong, weak = (cell("white_box", high, access="white_box", attack_params={"tv": high}) for high in (20.0, 15.0))

    assert flags(RIDGE, strong, weak) == ["below-linear-decoder"]
    assert flags(RIDGE, weak) == ["black-box-beats-white-box"]


AES = {"guarantee": "AES-256-GCM, simulated enclave"}
SEARCHES = {"nearest": "black_box", "query_free": "query_free", "white_box": "white_box"}
BLIND_ACCESS = {"mean_image": "query_free", "ridge": "black_box"}


@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("attack", SEARCHES)
def test_an_attack_below_the_mean_image_on_ciphertexts_did_not_fail(attack: str, at_hand: bool) -> None:
    low = cell(attack, 9.7, access=SEARCHES[attack], **AES)
    mean, ridge = (cell(name, 12.0, access=access, **AES) for name, access in BLIND_ACCESS.items())

    assert flags(mean, ridge, low, at_hand=at_hand) == []


@pytest.mark.parametrize(
    "facts",
    [{"guarantee": "none"}, {"guarantee": "(eps, delta)-local DP per release", "epsilon": 1.0}, AES],
    ids=["no promise", "noise", "a promise that another attack refutes"],
)
def test_a_failed_search_on_a_wire_that_can_be_read_is_flagged(facts: dict[str, Any]) -> None:
    refuted = [cell("their_attack", 18.0, **facts)] if facts is AES else []
    mean, ridge = (cell(name, 12.0, access=access, **facts) for name, access in BLIND_ACCESS.items())
    low = cell("nearest", 9.7, **facts)

    assert {"below-mean-image", "below-linear-decoder"} <= {*flags(mean, ridge, low, *refuted)}
    assert flags(mean, low) == ["below-mean-image"]
