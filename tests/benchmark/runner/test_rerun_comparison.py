"""A reported row is compared with a new run in all columns that do not depend on the machine."""

from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.records import Record, Row
from mia_bench.benchmark.leaderboard.store import read_records
from mia_bench.benchmark.runner.rerun_comparison import difference

from ...helpers.commands import run
from ...helpers.trees import image_tree


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Record:
    folder = tmp_path_factory.mktemp("comparison")
    image_tree(folder / "images")
    chosen = "--attack", "ridge", "--defense", "dp_ir:sigma=0.1"
    assert run(folder / "images", folder / "results", *chosen).exit_code == 0
    records = read_records(folder / "results").values()
    return next(record for record in records if (record.row.attack, record.row.defense) == ("ridge", "dp_ir"))


def of(again: Record, **changes: Any) -> Row:
    return again.row.model_copy(update=changes)


def test_equal_rows_do_not_differ(again: Record) -> None:
    assert difference(again.row, again) == ""


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("epsilon", 0.001),
        ("guarantee", "(eps, delta)-local DP per release"),
        ("identified", 0.0),
        ("identified", None),
        ("leak_r2", 0.0),
        ("leak_r2", None),
        ("psnr_db_low", 0.0),
        ("ssim_low", -1.0),
        ("recognisable", 0.0),
        ("utility", 0.0),
        ("agreement", 0.0),
        ("wire_bytes", 1.0),
        ("wire_bytes", None),
        ("bytes_down", 0.0),
        ("client_macs", 1),
        ("client_params", 1),
        ("client_peak_bytes", 1),
        ("accuracy_images", 10_000),
        ("rounds", 9),
        ("bound_psnr_db", 12.0),
        ("bound_identified", 0.1),
        ("attribute_gain", -1.0),
        ("attribute_accuracy", 0.0),
        ("ms_ssim", 0.5),
        ("attack_gap_db", 3.0),
    ],
)
def test_a_forged_column_differs(again: Record, column: str, value: Any) -> None:
    assert difference(of(again, **{column: value}), again).startswith(f"Expected {column} ")


def test_all_columns_that_differ_are_named(again: Record) -> None:
    found = difference(of(again, wire_bytes=1.0, guarantee="perfect secrecy"), again)

    assert found.endswith("Other columns that differ: guarantee.")


def test_times_and_rounding_are_no_difference(again: Record) -> None:
    slower = {name: getattr(again.row, name) * 3 for name in ("client_ms", "server_ms", "attack_seconds")}
    rounded = {name: round(getattr(again.row, name), 3) for name in ("leak_r2", "identified", "agreement", "accuracy")}

    assert difference(of(again, **slower, **rounded), again) == ""


def test_columns_that_an_older_board_lacks_are_no_difference(again: Record) -> None:
    lacking = dict.fromkeys(("attribute", "attribute_accuracy", "attribute_gain", "attack_version", "rounds"))

    assert difference(of(again, **lacking), again) == ""


def test_perceptual_measures_that_cannot_be_computed_here_are_not_compared(again: Record) -> None:
    assert difference(of(again, lpips=0.1, imagenet_distance=0.2), again) == ""


def test_a_promise_is_compared_up_to_rounding(again: Record) -> None:
    promising = again.model_copy(update={"row": of(again, epsilon=2.0)})

    assert difference(of(again, epsilon=2.001), promising) == ""
    assert difference(of(again, epsilon=1.0), promising) == "Expected epsilon from 1.98 to 2.02, got 1."
    assert difference(of(again, epsilon=None), promising) == "Expected epsilon from 1.98 to 2.02, got none."


def test_a_share_that_is_complete_may_be_one_image_less_elsewhere(again: Record) -> None:
    count = again.row.n_images
    complete = again.model_copy(update={"row": of(again, identified=1.0)})

    assert difference(of(again, identified=1 - 1 / count), complete) == ""


def test_an_exact_reconstruction_has_a_range_of_its_leak(again: Record) -> None:
    images = again.per_image.model_copy(update={"psnr_db": [100.0] * again.row.n_images})
    row = of(again, psnr_db=100.0, psnr_db_low=100.0, psnr_db_high=100.0, leak_r2=1.0)
    exact = again.model_copy(update={"row": row, "per_image": images})

    assert difference(row, exact) == ""
