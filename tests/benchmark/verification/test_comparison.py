"""A reported row is compared with a new run in all columns that do not depend on the machine."""

import math
import random
from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.store import read_records
from mia_bench.benchmark.metrics.intervals import interval
from mia_bench.benchmark.verification.comparison import compare

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


def of(again: Record, **changes: Any) -> Record:
    return again.model_copy(update={"row": again.row.model_copy(update=changes)})


def difference(stated: Record, again: Record) -> str:
    return compare(stated, again).difference


def scored(record: Record, psnr_db: list[float], ssim: list[float] | None = None, **changes: Any) -> Record:
    """The record with other scores of its images, and with all that follows from them."""
    images = record.per_image.model_copy(update={"psnr_db": psnr_db, "ssim": ssim or record.per_image.ssim})
    row: dict[str, Any] = {}
    for name in ("psnr_db", "ssim"):
        values = getattr(images, name)
        low, high = interval(values)
        row |= {name: sum(values) / len(values), f"{name}_low": low, f"{name}_high": high}
    row["recognisable"] = sum(value >= 0.3 for value in images.ssim) / len(images.ssim)
    before, after = (sum(10 ** (-value / 10) for value in values) for values in (record.per_image.psnr_db, psnr_db))
    assert record.row.leak_r2 is not None
    row["leak_r2"] = 1 - (1 - record.row.leak_r2) * after / before
    if record.row.attack_gap_db is not None:
        row["attack_gap_db"] = record.row.attack_gap_db + 10 * math.log10(after / before)
    return of(record, **row, **changes).model_copy(update={"per_image": images})


def wide(again: Record) -> Record:
    """The new run, with 32 images."""
    chance = random.Random(0)
    repeated = again.model_copy(update={"row": again.row.model_copy(update={"n_images": 32, "identified": 0.5})})
    similarities = [min(max(chance.gauss(0.5, 0.1), 0.0), 1.0) for _ in range(32)]
    made = again.per_image.model_copy(update={"psnr_db": [20.0] * 32, "ssim": similarities})
    plain = repeated.model_copy(update={"per_image": made})
    return scored(plain, [chance.gauss(20.0, 3.0) for _ in range(32)])


def test_lower_scores_of_all_images_differ_even_within_the_interval_of_the_mean(again: Record) -> None:
    full = wide(again)
    assert full.row.psnr_db is not None
    assert full.row.psnr_db_low is not None
    shift = 0.95 * (full.row.psnr_db - full.row.psnr_db_low)

    for part in (1.0, 0.1):
        forged = scored(full, [value - part * shift for value in full.per_image.psnr_db])
        assert difference(forged, full).startswith("Expected psnr_db from ")


@pytest.mark.parametrize(("column", "change"), [("accuracy", 0.03), ("utility", 0.03), ("agreement", -0.03)])
def test_another_accuracy_of_the_same_network_differs(again: Record, column: str, change: float) -> None:
    many = of(wide(again), accuracy_images=10_000, accuracy=0.9, utility=0.9, agreement=0.9)

    assert difference(of(many, **{column: 0.9 + change}), many).startswith(f"Expected {column} from ")
    assert difference(of(many, **{column: 0.9 + change / 30}), many) == ""


def test_images_that_are_identified_less_often_differ(again: Record) -> None:
    full = wide(again)

    assert difference(of(full, identified=0.5 - 0.12), full).startswith("Expected identified from ")
    assert difference(of(full, identified=0.5 - 1 / 32), full) == ""


def test_rounding_that_an_attack_amplifies_in_one_image_is_no_difference(again: Record) -> None:
    full = wide(again)
    values = [value + 1e-4 for value in full.per_image.psnr_db]
    values[5] -= 2.0

    assert difference(scored(full, values), full) == ""


def test_a_network_with_other_weights_agrees_within_chance(again: Record) -> None:
    chance, full = random.Random(1), wide(again)
    values = [value + chance.gauss(0.3, 1.5) for value in full.per_image.psnr_db]
    assert full.row.accuracy_undefended is not None
    other = scored(full, values, accuracy_undefended=full.row.accuracy_undefended - 0.03)

    found = compare(other, full)

    assert found.difference == ""
    assert not found.same_network
    assert not found.exact
    assert compare(full, full).exact


def test_scatter_hides_no_large_shift(again: Record) -> None:
    chance, full = random.Random(1), wide(again)

    forged = scored(full, [value + chance.gauss(-2.0, 3.0) for value in full.per_image.psnr_db])

    assert difference(forged, full).startswith("Expected psnr_db from ")


def test_equal_rows_do_not_differ(again: Record) -> None:
    assert difference(again, again) == ""


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
    lacking = of(again, **dict.fromkeys(("attribute", "attribute_accuracy", "attribute_gain", "attack_version")))

    assert difference(lacking.model_copy(update={"schema_version": 3, "details": {}}), again) == ""
    assert difference(of(lacking, rounds=None).model_copy(update={"schema_version": 3}), again) != ""
    assert difference(lacking, again) != ""


@pytest.mark.parametrize("column", ["attribute", "attribute_accuracy", "attribute_gain", "ms_ssim", "rounds", "task"])
def test_a_value_that_was_dropped_differs(again: Record, column: str) -> None:
    measured = of(again, ms_ssim=0.5)

    assert difference(of(measured, **{column: None}), measured).startswith(f"Expected {column} ")


def test_another_name_of_the_attribute_hides_no_gain(again: Record) -> None:
    read = of(again, attribute="class", attribute_gain=0.5, attribute_accuracy=0.9)
    renamed = of(read, attribute="the class", attribute_gain=-1.0, attribute_accuracy=0.0)
    elsewhere = scored(read, [value - 1 + 0.3 * i for i, value in enumerate(again.per_image.psnr_db)])
    other = of(elsewhere, accuracy_undefended=0.0, attribute="age", attribute_accuracy=0.2)

    assert difference(of(read, attribute="the class"), read) == "Expected attribute class, got the class."
    assert difference(renamed, read).startswith("Expected attribute_gain ")
    assert "attribute" not in difference(other, read)  # another network may say more of another attribute
    assert "attribute_gain" in difference(of(other, attribute_gain=-1.0), read)


@pytest.mark.parametrize(
    ("detail", "value"),
    [
        ("aux_overlap", 0.0),
        ("unread_bytes", None),
        ("wire_unchanged", None),
        ("psnr_db_wrong_image", 0.0),
        ("chance", 0.0),
        ("chance", None),
    ],
)
def test_details_that_flags_read_are_compared(again: Record, detail: str, value: float | None) -> None:
    full = again.model_copy(
        update={"details": {**again.details, "aux_overlap": 3.0, "unread_bytes": 64.0, "wire_unchanged": 1.0}}
    )
    kept = {name: each for name, each in full.details.items() if name != detail}
    forged = full.model_copy(update={"details": kept if value is None else {**kept, detail: value}})

    assert difference(forged, full).startswith(f"Expected {detail} ")


def test_other_sources_of_the_images_differ(again: Record) -> None:
    images = again.per_image.model_copy(update={"sources": [0, 0, 1, 1]})
    forged = again.model_copy(update={"per_image": images})

    assert "sources" in difference(forged, again)


def test_scattered_scores_are_no_other_network_if_the_other_measure_is_equal(again: Record) -> None:
    full = of(wide(again), accuracy_images=10_000, accuracy=0.8, utility=0.8, agreement=0.9)
    forged = [value - 0.5 + 0.6 * (-1) ** number for number, value in enumerate(full.per_image.psnr_db)]

    assert difference(scored(full, forged), full).startswith("Expected psnr_db from ")
    assert difference(of(full, accuracy=0.85, utility=0.85), full).startswith("Expected accuracy from ")


def test_scattered_scores_are_no_other_network_if_the_answers_are_the_same(again: Record) -> None:
    full = of(wide(again), accuracy_images=10_000, accuracy=0.8, utility=0.8, agreement=0.9)
    psnr_db = [value - 0.5 + 0.6 * (-1) ** number for number, value in enumerate(full.per_image.psnr_db)]
    ssim = [value - 0.012 + 0.01 * (-1) ** number for number, value in enumerate(full.per_image.ssim)]

    assert difference(scored(full, psnr_db, ssim), full).startswith("Expected psnr_db from ")
    assert difference(scored(full, psnr_db, ssim, agreement=0.89), full) == ""
    assert compare(scored(full, psnr_db, ssim, agreement=0.89), full, same_network=True).difference != ""


def test_scores_of_random_keys_may_scatter_with_the_same_network(again: Record) -> None:
    chance, sealed = random.Random(1), of(wide(again), guarantee="AES-256-GCM", epsilon=None)

    found = compare(scored(sealed, [value + chance.gauss(0.2, 0.5) for value in sealed.per_image.psnr_db]), sealed)

    assert (found.difference, found.same_network, found.exact) == ("", True, False)


def test_the_mean_image_says_nothing_of_the_network(again: Record) -> None:
    reference = of(again, attack="mean_image", accuracy=0.8, utility=0.8, agreement=0.9, accuracy_images=10_000)
    assert again.row.accuracy_undefended is not None
    elsewhere = {"accuracy": 0.82, "utility": 0.82, "agreement": 0.91}

    found = compare(of(reference, **elsewhere, accuracy_undefended=again.row.accuracy_undefended - 0.001), reference)

    assert (found.difference, found.exact) == ("", False)
    assert difference(of(reference, accuracy=0.82, utility=0.82), reference).startswith("Expected accuracy from ")


def test_a_row_without_a_bound_claims_nothing_unless_it_hides_that_the_bound_is_beaten(again: Record) -> None:
    kept, beaten = of(again, bound_psnr_db=90.0, bound_identified=0.99), of(again, bound_psnr_db=5.0)

    assert difference(of(kept, bound_psnr_db=None, bound_identified=None), kept) == ""
    assert difference(of(kept, bound_identified=0.01), kept).startswith("Expected bound_identified ")
    assert difference(of(beaten, bound_psnr_db=None), beaten).startswith("Expected bound_psnr_db ")


def test_perceptual_measures_that_cannot_be_computed_here_are_not_compared(again: Record) -> None:
    assert difference(of(again, lpips=0.1, imagenet_distance=0.2), again) == ""


def test_a_promise_is_compared_up_to_rounding(again: Record) -> None:
    promising = of(again, epsilon=2.0)

    assert difference(of(again, epsilon=2.001), promising) == ""
    assert difference(of(again, epsilon=1.99), promising) == "Expected epsilon from 1.998 to 2.002, got 1.99."
    assert difference(of(again, epsilon=None), promising) == "Expected epsilon from 1.998 to 2.002, got none."


def test_a_share_that_is_complete_may_be_one_image_less_elsewhere(again: Record) -> None:
    count = again.row.n_images
    complete = of(again, identified=1.0)

    assert difference(of(again, identified=1 - 1 / count), complete) == ""


def test_an_exact_reconstruction_has_a_range_of_its_leak(again: Record) -> None:
    images = again.per_image.model_copy(update={"psnr_db": [100.0] * again.row.n_images})
    changed = of(again, psnr_db=100.0, psnr_db_low=100.0, psnr_db_high=100.0, leak_r2=1.0)
    exact = changed.model_copy(update={"per_image": images})

    assert difference(exact, exact) == ""


def test_another_number_of_images_differs(again: Record) -> None:
    assert difference(wide(again), again) == f"Expected n_images {again.row.n_images}, got 32."
