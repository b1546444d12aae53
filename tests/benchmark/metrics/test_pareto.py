"""What surely beats what, against the published intervals."""

import math
import random

import pytest
from mia_bench.benchmark.leaderboard.ranking_uncertainty import accuracy_estimate
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.metrics import interval
from mia_bench.benchmark.metrics.pareto import Estimate, beaten_by, surely_less

from ..leaderboard.test_ranking import ranked, record


def exact(value: float) -> Estimate:
    return Estimate(value, value, value)


def rough(value: float, width: float = 1.0) -> Estimate:
    return Estimate(value, value - width, value + width)


def front(*points: tuple[Estimate, Estimate]) -> list[int]:
    return [index for index, by in enumerate(beaten_by(points)) if not by]


def test_a_point_is_beaten_by_one_that_is_surely_less_in_both() -> None:
    assert beaten_by([(rough(5), exact(1)), (rough(1), exact(0))]) == [[1], []]


def test_a_difference_inside_its_interval_decides_nothing() -> None:
    assert front((rough(5), rough(1.0)), (rough(1), rough(0.9))) == [0, 1]
    assert front((rough(1.1), exact(1)), (rough(1.0), exact(0))) == [0, 1]


def test_equal_values_leave_it_to_the_other_respect() -> None:
    assert front((rough(5), rough(1)), (rough(1), rough(1))) == [1]
    assert front((rough(1), rough(1)), (rough(1), rough(1))) == [0, 1]


def test_values_that_differ_by_the_rounding_of_outputs_are_equal() -> None:
    """An R2 has no interval, and no two places of one network give it to the last digit."""
    assert front((exact(5), Estimate(-0.9984966)), (exact(1), Estimate(-0.9984966 + 7e-8))) == [1]


def test_a_worse_value_never_beats_however_unsure_it_is() -> None:
    assert front((exact(5), rough(1.0)), (exact(1), rough(1.1))) == [0, 1]


def test_a_difference_without_an_interval_decides_nothing() -> None:
    assert front((Estimate(5), exact(1)), (Estimate(1), exact(1))) == [0, 1]


def test_values_of_the_same_images_are_compared_image_by_image() -> None:
    images = {0: 10.0, 1: 20.0, 2: 30.0, 3: 40.0}
    better = Estimate(24.0, 4.0, 44.0, {image: value - 1 for image, value in images.items()})
    other = Estimate(25.0, 5.0, 45.0, images)

    assert surely_less(better, other)
    assert not surely_less(Estimate(24.0, 4.0, 44.0), other)


def some_estimate(draw: random.Random) -> Estimate:
    """An estimate on a coarse grid, so that values are often equal: exact, rough, without ends or with images."""
    value = draw.choice([-1.0, 0.0, 1.0, 1.0 + 1e-12, 2.0, 3.0, math.inf])
    kind = draw.choice(["exact", "rough", "unsure", "images", "images"])
    if kind == "unsure":
        return Estimate(value, *draw.choice([(None, None), (None, value), (value - 1, None)]))
    if kind != "images" or math.isinf(value):
        return exact(value) if kind == "exact" else rough(value, draw.choice([0.1, 0.7]))
    names = draw.choice([[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [6, 7, 8, 9], [1, 2]])
    sources = draw.choice([[], [], [0, 1, 2, 0, 1, 2][: len(names)]])
    return Estimate(value, value - 1, value + 1, {name: value + draw.gauss(0, 0.4) for name in names}, sources)


def beats_by_definition(one: tuple[Estimate, ...], other: tuple[Estimate, ...]) -> bool:
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if not math.isclose(a.value, b.value, rel_tol=1e-9)]
    return bool(pairs) and all(a.value < b.value and is_less_by_definition(a, b) for a, b in pairs)


def is_less_by_definition(a: Estimate, b: Estimate) -> bool:
    if a.by_image and set(a.by_image) == set(b.by_image):
        _, high = interval(
            [value - b.by_image[image] for image, value in a.by_image.items()], sources=a.sources or None
        )
        return high is not None and high < 0
    if a.high is None or b.low is None:
        return False
    return a.value - b.value + math.hypot(a.high - a.value, b.value - b.low) < 0


@pytest.mark.parametrize("seed", range(6))
def test_all_points_at_once_are_compared_like_each_pair_by_definition(seed: int) -> None:
    draw = random.Random(seed)
    points = [tuple(some_estimate(draw) for _ in range(1 + seed % 3)) for _ in range(70)]

    found = beaten_by(points)

    by_definition = [[at for at, other in enumerate(points) if beats_by_definition(other, one)] for one in points]
    assert found == by_definition
    assert sum(map(len, found)) > 70
    assert beaten_by([]) == []


def accuracy(right: int, images: int) -> Estimate:
    row = record("a", "one", [10.0], [0.1], accuracy=right / images, accuracy_images=images).row
    found = accuracy_estimate([row])
    assert found is not None
    return found


def test_accuracies_are_compared_by_newcombes_interval() -> None:
    """56/70 against 48/80: the difference 0.2 has [0.0524, 0.3339] (Newcombe 1998, table II, method 10, example a)."""
    one, other = accuracy(56, 70), accuracy(48, 80)
    assert one.high is not None
    assert one.low is not None
    assert other.high is not None
    assert other.low is not None

    low = ((one.value - one.low) ** 2 + (other.high - other.value) ** 2) ** 0.5
    high = ((one.high - one.value) ** 2 + (other.value - other.low) ** 2) ** 0.5
    assert (0.2 - low, 0.2 + high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert surely_less(other, one)
    assert not surely_less(one, other)


def board(kept: float, images: int = 1000) -> list[Record]:
    facts = {"accuracy_images": images, "accuracy_undefended": 0.9}
    return [
        record("undefended", "one", [30.0, 31.0, 32.0], [0.9] * 3, accuracy=0.9, **facts),
        record("lucky", "one", [20.0, 21.0, 22.0], [0.5] * 3, accuracy=0.9 * kept, **facts),
    ]


def test_noise_of_the_test_images_does_not_push_the_undefended_model_off_the_front() -> None:
    assert {name: line["pareto"] for name, line in ranked(*board(1.007)).items()} == {"lucky": True, "undefended": True}


@pytest.mark.parametrize("at_hand", [True, False])
def test_a_sure_gain_in_both_and_the_same_accuracy_beat(at_hand: bool) -> None:
    for records in (board(1.007, images=100_000), board(1.0)):
        rows = [each.model_copy(update={"row": each.row.model_copy(update=ends(each))}) for each in records]
        found = {name: line["pareto"] for name, line in ranked(*rows, at_hand=at_hand).items()}
        assert found == {"lucky": True, "undefended": False}


def ends(each: Record) -> dict[str, float]:
    assert each.row.psnr_db is not None
    return {"psnr_db_low": each.row.psnr_db - 1, "psnr_db_high": each.row.psnr_db + 1}
