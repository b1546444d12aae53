"""Cells of other versions of an attack, or of other protected models."""

import pytest
from mia_bench.benchmark.leaderboard.auditing import audit

from .audited_cells import cell, flags, on


def test_cells_of_equal_or_unknown_versions_and_of_other_scenarios_are_no_flag() -> None:
    versions = {"nopeek": 3, "dropout": 3, "topk": None}
    rows = [on(defense, "ridge", 19.0, attack_version=version) for defense, version in versions.items()]

    older = on("nopeek", "ridge", 19.0, attack_version=2).row
    others = [older.model_copy(update=scenario) for scenario in ({"split": "pool2"}, {"n_images": 16})]

    assert [flag.name for flag in audit([*(each.row for each in rows), *others], {}) if flag.name != "incomplete"] == []


def test_the_older_version_is_flagged_and_told_beside_the_newer_one() -> None:
    old, new = (on(defense, "ridge", 19.0, attack_version=version) for defense, version in (("topk", 2), ("fisher", 3)))

    (flag,) = audit([new.row, old.row], {})

    assert flag.cell_ids == (old.row.cell_id, new.row.cell_id)
    assert flag.sentence.endswith("is of version 2 of the attack, and fisher of 3")


def test_an_older_protected_model_is_flagged_with_both_figures() -> None:
    old = cell("ridge", 19.0, accuracy=0.9946, finished_at="2026-11-27T10:00:00")
    new = cell("white_box", 21.0, access="white_box", accuracy=0.1869, finished_at="2026-11-28T10:00:00")

    (flag,) = audit([new.row, old.row], {})

    assert flag.cell_ids == (old.row.cell_id, new.row.cell_id)
    assert flag.sentence.endswith("has accuracy 0.9946, and white_box 0.1869 on the same defense and seed")


@pytest.mark.parametrize(
    ("column", "here", "there", "doubted"),
    [
        ("client_macs", 1000, 1001, True),
        ("wire_bytes", 1000.0, 1100.0, True),
        ("wire_bytes", 251.0, 255.0, False),
        ("epsilon", 1.0, 2.0, True),
        ("epsilon", 1.0, 1.001, False),
        ("accuracy", 0.80, 0.83, True),
        ("accuracy", 0.800, 0.801, False),
        ("client_ms", 1.0, 9.0, False),
    ],
)
def test_facts_of_one_protected_model_may_differ_by_no_more_than_rounding_and_training(
    column: str, here: float, there: float, doubted: bool
) -> None:
    cells = cell("ridge", 19.0, **{column: here}), cell("white_box", 21.0, access="white_box", **{column: there})

    assert flags(*cells) == (["mixed-code"] if doubted else [])


def test_networks_that_were_trained_on_two_machines_may_differ_in_accuracy() -> None:
    here = cell("ridge", 19.0, accuracy=0.80, accuracy_undefended=0.90)
    there = cell("white_box", 21.0, access="white_box", accuracy=0.83, accuracy_undefended=0.91)

    assert flags(here, there) == []


def test_other_seeds_and_parameters_are_other_protected_models() -> None:
    assert flags(cell("ridge", 19.0, accuracy=0.9), cell("ridge", 19.0, accuracy=0.1, seed=1)) == []
    assert flags(cell("ridge", 19.0, wire_bytes=9.0), on("nopeek", "ridge", 18.0, wire_bytes=99.0)) == []
