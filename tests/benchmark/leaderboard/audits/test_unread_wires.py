"""Wires and messages that no attack has read."""

from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.auditing import audit

from .audited_cells import cell, flags, on
from .planted_faults import FAULTS, MEAN


def test_byte_strings_that_an_attack_reads_have_no_flag() -> None:
    assert flags(MEAN, cell("ridge", 19.0, details={"unread_bytes": 1.0})) == []


@pytest.mark.parametrize(
    ("usual", "defended"),
    [
        (0.95, {"accuracy": 0.99, "attribute_accuracy": 0.9}),  # read as well
        (0.95, {"accuracy": 0.5, "attribute_accuracy": 0.27}),  # the server does not read it, either
        (0.95, {"accuracy": 0.99, "attribute_accuracy": 0.1, "guarantee": "AES-256-GCM"}),
        (0.43, {"accuracy": 0.99, "attribute_accuracy": 0.1}),  # the classifier is too weak to judge
    ],
)
def test_wires_that_may_be_hard_to_read_have_no_flag(usual: float, defended: dict[str, Any]) -> None:
    plain = on("undefended", "ridge", 22.0, accuracy=0.99, attribute="class", attribute_accuracy=usual)

    assert flags(plain, on("codec", "ridge", 12.4, attribute="class", **defended)) == []


def test_an_unread_wire_is_named_once_by_an_attack() -> None:
    plain, unread = FAULTS["unread-wire"]
    reference = on("codec", "mean_image", 12.0, accuracy=0.99, attribute="class", attribute_accuracy=0.27)

    found = audit([each.row for each in (plain, unread, reference)], {})

    assert [flag.subject for flag in found if flag.name == "unread-wire"] == ["ridge on codec"]


def test_one_row_that_hides_what_is_read_hides_no_unread_wire() -> None:
    plain, unread = FAULTS["unread-wire"]
    hidden = on("codec", "white_box", 12.0, access="white_box", accuracy=0.99)
    other = on("undefended", "white_box", 23.0, access="white_box", accuracy=0.99)

    for cells in ((hidden, other, plain, unread), (unread, plain, other, hidden)):
        assert "unread-wire" in flags(*cells)
