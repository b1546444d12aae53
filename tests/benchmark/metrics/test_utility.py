"""Utility of each task, against slow references."""

import math
from typing import get_args

import pytest
import torch
from mia_bench.benchmark.interfaces import Task
from mia_bench.benchmark.leaderboard.records import Row
from mia_bench.benchmark.metrics.utility import (
    Agreement,
    by_chance,
    mean_average_precision,
    r2,
    standard_error,
    utility,
)
from mia_bench.benchmark.task_names import METRICS


def slow_average_precision(scores: list[float], truth: list[float]) -> float:
    """Go through all thresholds, the highest first, and add up precision times the increase in recall."""
    total, recall, positives = 0.0, 0.0, sum(truth)
    for threshold in sorted(set(scores), reverse=True):
        found = [label for score, label in zip(scores, truth, strict=True) if score >= threshold]
        total += (sum(found) / positives - recall) * sum(found) / len(found)
        recall = sum(found) / positives
    return total


@pytest.mark.parametrize("decimals", [6, 1], ids=["without ties", "with ties"])
def test_the_mean_average_precision_is_that_of_all_thresholds(decimals: int) -> None:
    torch.manual_seed(0)
    outputs, labels = torch.rand(50, 3).round(decimals=decimals), (torch.rand(50, 3) < 0.3).float()

    expected = [slow_average_precision(outputs[:, k].tolist(), labels[:, k].tolist()) for k in range(3)]

    assert mean_average_precision(outputs, labels) == pytest.approx(sum(expected) / 3)
    assert mean_average_precision(outputs.logit(), labels) == pytest.approx(sum(expected) / 3)


def test_labels_that_no_image_has_are_left_out() -> None:
    labels = torch.tensor([[1.0, 0.0], [0.0, 0.0]])

    assert mean_average_precision(torch.tensor([[0.9, 0.1], [0.2, 0.8]]), labels) == 1.0
    assert mean_average_precision(labels, 0 * labels) == 0.0


def test_r2_is_1_for_the_truth_and_0_for_the_mean() -> None:
    labels = torch.tensor([[1.0, 7.0], [3.0, 7.0], [8.0, 7.0]])

    assert r2(labels, labels) == 1.0
    assert r2(labels.mean(0).expand_as(labels), labels) == pytest.approx(0.0, abs=1e-9)
    assert r2(-labels, labels) < 0


@pytest.mark.parametrize("noise", [0.3, 0.7, 2.0])
def test_the_standard_error_of_r2_is_that_of_new_samples(noise: float) -> None:
    """Measured by drawing test sets again, which the bootstrap imitates."""
    torch.manual_seed(0)

    def sample() -> tuple[torch.Tensor, torch.Tensor]:
        truth = torch.randn(300, 2)
        return truth + noise * torch.randn(300, 2), truth

    drawn = torch.tensor([r2(*sample()) for _ in range(400)]).std().item()

    assert standard_error("regression", *sample()) == pytest.approx(drawn, rel=0.3)


def test_the_standard_error_of_a_mean_average_precision_is_that_of_new_samples() -> None:
    torch.manual_seed(0)

    def sample() -> tuple[torch.Tensor, torch.Tensor]:
        truth = (torch.rand(200, 3) < 0.3).float()
        return truth + torch.randn(200, 3), truth

    drawn = torch.tensor([mean_average_precision(*sample()) for _ in range(300)]).std().item()

    assert standard_error("multi-label", *sample()) == pytest.approx(drawn, rel=0.35)


def test_an_accuracy_and_a_single_image_have_no_standard_error() -> None:
    assert standard_error("classification", torch.eye(3), torch.arange(3)) is None
    assert standard_error("regression", torch.zeros(1, 2), torch.ones(1, 2)) is None


def test_agreement_of_classes_is_the_share_of_equal_answers() -> None:
    agreement = Agreement(classes=True)
    agreement.add(torch.eye(4), torch.eye(4)[[0, 1, 3, 3]])
    agreement.add(torch.full((1, 4), math.nan), torch.eye(4)[:1])

    assert agreement.value == 3 / 5


def test_an_output_of_nan_is_never_the_right_class() -> None:
    outputs = torch.tensor([[math.nan, 0.0], [math.inf, math.inf], [1.0, -math.inf], [0.0, 1.0]])

    assert utility("classification", outputs, torch.zeros(4, dtype=torch.int64)) == 0.25


def test_a_probability_of_zero_may_be_given_by_its_logarithm() -> None:
    agreement = Agreement(classes=True)
    agreement.add(torch.eye(3).log(), torch.eye(3))

    assert agreement.value == 1


@pytest.mark.parametrize(("factor", "expected"), [(1.0, 1.0), (0.75, 0.75), (0.0, 0.0), (-5.0, 0.0), (math.nan, 0.0)])
@pytest.mark.parametrize(("unit", "offset"), [(1, 0), (100, 5000), (-0.01, 3)])
def test_agreement_of_values_is_1_minus_the_distance_relative_to_that_of_their_mean(
    factor: float, expected: float, unit: float, offset: float
) -> None:
    """It does not depend on the unit: a network that always answers the mean has 0, in meters and in degrees."""
    agreement, outputs = Agreement(classes=False), torch.rand(6, 3, 2, dtype=torch.float64)
    given = outputs.mean(0) + factor * (outputs - outputs.mean(0))
    for part, wanted in zip(given.split(4), outputs.split(4), strict=True):
        agreement.add(offset + unit * part, offset + unit * wanted)

    assert agreement.value == pytest.approx(expected, abs=1e-6)


def test_a_constant_output_with_a_constant_error_does_not_agree() -> None:
    agreement = Agreement(classes=False)

    agreement.add(torch.full((4, 2), 7.0), torch.full((4, 2), 7.5))

    assert agreement.value == 0


def test_a_network_agrees_with_itself_where_both_give_no_number() -> None:
    outputs = torch.tensor([[1.0, -torch.inf], [torch.nan, 2.0], [3.0, 4.0]])
    other = outputs.clone()
    other[1] = torch.tensor([2.0, torch.nan])
    same, differing = Agreement(classes=False), Agreement(classes=False)

    same.add(outputs, outputs)
    differing.add(other, outputs)

    assert same.value == 1
    assert differing.value == pytest.approx(1 - ((2 - 3) ** 2 / (1 + 1 + 1 + 1)) ** 0.5)  # 3 is the mean of 2 and 4


def test_chance_is_what_ignores_the_images() -> None:
    labels = (torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) < 0.25).float()

    chance = by_chance("multi-label", labels)

    assert chance["chance"] == pytest.approx(labels.mean().item(), abs=0.06)
    assert chance["chance"] < chance["chance_high"] < 0.5
    assert by_chance("classification", torch.tensor([0, 0, 1])) == {"chance": pytest.approx(2 / 3)}
    assert (by_chance("regression", labels), by_chance("unlabeled", labels[:, :0])) == ({"chance": 0.0}, {})


def test_the_tasks_of_images_are_those_of_the_column() -> None:
    assert get_args(Task) == tuple(METRICS)
    assert "task" in Row.model_fields
